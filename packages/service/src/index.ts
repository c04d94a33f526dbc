export { auditActions, type AuditAction } from './audit/action.ts'
export type { Acting } from './audit/actor.ts'
export { readAuditPage, type AuditEntry, type AuditFilter } from './audit/page.ts'
export {
  auditedUserId,
  recordAudit,
  statementsOn,
  type AuditRecord,
  type RunStatement,
} from './audit/record.ts'
export { commonEnvOf, commonVariables } from './env/common.ts'
export { EnvError, readVariables, type RawEnv, type Variable } from './env/env.ts'
export { kinds } from './env/kinds.ts'
export { fourTimes, gatewaySecretVariable } from './env/rate-variables.ts'
export { readTls, type Tls } from './env/tls.ts'
export { catalogue, isErrorCode, type ErrorCode } from './errors/catalogue.ts'
export { badInput, DomainError } from './errors/domain-error.ts'
export { isDatabaseUnavailable } from './errors/translate.ts'
export { forAnalysts, type SubgraphParts } from './graph/audience/analyst-schema.ts'
export { analystView, tagsOf } from './graph/audience/analyst-view.ts'
export { refuseUnknownEntities } from './graph/audience/entities.ts'
export { byAudience } from './graph/audience/servers.ts'
export {
  batchPath,
  createAnswerReader,
  encodeBatch,
  maxBatch,
  type OperationAnswer,
  type OutgoingOperation,
} from './graph/batch/format.ts'
export { registerBatch } from './graph/batch/route.ts'
export { createRequestContext, extendContext, type MakeContext } from './graph/context.ts'
export { behindGateway } from './graph/bounds/limits.ts'
export { registerGraph } from './graph/route.ts'
export type { RequestContext } from './graph/request.ts'
export { createGraphServer, type GraphServer } from './graph/server.ts'
export type { Execute, KnownOperation } from './graph/short-path.ts'
export { JSONScalarScalar, type JsonScalar } from './graph/json-scalar.ts'
export { DateScalar, DateTimeScalar, isDay, JSONObjectScalar, SafeIntScalar } from './graph/scalars.ts'
export { createHttpApp } from './http/app.ts'
export type { ReadinessChecks } from './http/health.ts'
export { createLogger, type Logger } from './http/logging.ts'
export { createMetrics, type Metrics } from './http/metrics.ts'
export { serve, startFailure, type Service } from './http/serve.ts'
export {
  aggregateScope,
  listableStores,
  mayReadTenant,
  nobody,
  requireAdmin,
  requireService,
  storeOf,
  tenantOf,
  tenantsOf,
  type Caller,
  type SignedInCaller,
} from './identity/caller.ts'
export { createJwksSource } from './identity/jwks.ts'
export {
  claimsOf,
  createTokenVerifier,
  tokenAlgorithm,
  tokenAudience,
  tokenIssuer,
  type KeySource,
  type TokenVerifier,
} from './identity/tokens.ts'
export { createPeerBreaker } from './http/peer-breaker.ts'
export { createBreaker, type Breaker } from './peer/breaker.ts'
export { timeIsOver, timeoutHeader } from './peer/timeout.ts'
export { bulkPaths } from './bulk/openapi.ts'
export { clientAddressHeader, sealAddress } from './rate/client-address.ts'
export { createRateLimits, type RateLimits } from './rate/rate-limits.ts'
export { registerBulk } from './bulk/route.ts'
export { registerRest } from './rest/engine.ts'
export { execute } from './rest/execute.ts'
export { answerOf, listOf, problem, toOpenApi } from './rest/openapi.ts'
export { paging, type JsonSchema, type RestInput, type RestRow } from './rest/row.ts'
export { aggregateRows, recordEventRow } from './legacy/events.ts'
export { deletedSentence, legacyInstant, messageAnswer, storeIdParam, storeIdQuery } from './legacy/shapes.ts'
export { userRows } from './legacy/users.ts'
export { registerApiDocs } from './pages/api-docs.ts'
