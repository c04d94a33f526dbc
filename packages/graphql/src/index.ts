export { forAnalysts, type SubgraphParts } from './audience/analyst-schema.ts'
export { analystView, tagsOf } from './audience/analyst-view.ts'
export { refuseUnknownEntities } from './audience/entities.ts'
export { byAudience } from './audience/servers.ts'
export { createRequestContext, extendContext, type MakeContext } from './context.ts'
export {
  batchPath,
  createAnswerReader,
  encodeAnswer,
  encodeBatch,
  maxBatch,
  maxBatchCharacters,
  type OperationAnswer,
  type OutgoingOperation,
} from './fast-path/batching/protocol.ts'
export { registerBatch } from './fast-path/batching/server-route.ts'
export type { Execute, KnownOperation } from './fast-path/operation-cache.ts'
export { createGraphServer, type FastPath, type GraphServer } from './graph-server.ts'
export { refusalOf } from './limits/check-document.ts'
export { amountAt } from './limits/cost-expression.ts'
export { compileCost } from './limits/cost.ts'
export { measure } from './limits/document-size.ts'
export { documentLimitsOf, type DocumentLimits, type GraphLimits } from './limits/limits.ts'
export { countOverlaps } from './limits/overlapping-fields.ts'
export type { RequestContext } from './request.ts'
export { registerGraph } from './route.ts'
export { JSONScalarScalar, type JsonScalar } from './scalars/json-scalar.ts'
export { DateScalar, DateTimeScalar, JSONObjectScalar, SafeIntScalar } from './scalars/scalars.ts'
export { perTenant } from './workload.ts'
