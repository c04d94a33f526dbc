export {
  aggregateScope,
  listableStores,
  mayReadTenant,
  recordedTenantOf,
  requireAdmin,
  requireService,
  storeOf,
  tenantOf,
  tenantsOf,
  type Caller,
  type SignedInCaller,
} from './auth/caller.ts'
export { createJwksSource } from './auth/jwks.ts'
export {
  claimsOf,
  createTokenVerifier,
  tokenAlgorithm,
  tokenAudience,
  tokenIssuer,
  type KeySource,
  type TokenVerifier,
} from './auth/tokens.ts'
export { currentWorkload, runWorkload, workloadOf, type Workload } from './auth/workload.ts'
export { catalogue, isErrorCode, type ErrorCode } from './errors/catalogue.ts'
export {
  DomainError,
  badInput,
  badInputs,
  maxFaults,
  requireAll,
  toFault,
  type DomainErrorDetails,
  type ExceededLimit,
  type Fault,
} from './errors/domain-error.ts'
export { isDatabaseUnavailable, toDomainError } from './errors/translate.ts'
export { formatDataPath, parseDataPath, readDataPath, type DataPath } from './json/data-path.ts'
export { survivesDouble } from './json/double.ts'
export { isObject } from './json/is-object.ts'
export { inexactRule, toPath } from './json/json-text.ts'
export { decodeText, parseJson, startsWithMark } from './json/parse-json.ts'
export { parseLargeJson } from './json/parse-large-json.ts'
export {
  fromCursor,
  requireFirst,
  toConnection,
  toCursor,
  toPage,
  type Page,
  type PageRequest,
} from './pagination.ts'
export { createBreaker, type Breaker, type BreakerState } from './resilience/circuit-breaker.ts'
export {
  deadlineExceeded,
  effectiveTimeout,
  refuseAborted,
  timeoutHeader,
  withDeadline,
} from './resilience/deadline.ts'
export { isTurnOver, nextTurn, yieldTurn } from './resilience/event-loop.ts'
export { inChunks } from './resilience/chunks.ts'
export { createFairSemaphore, PermitDeniedError, type Permit } from './resilience/semaphore.ts'
export { singleFlight } from './resilience/single-flight.ts'
export { dayMs, hourMs } from './time.ts'
export { encodeEventData, requireEventTime, requireStorable } from './values/member-rules.ts'
