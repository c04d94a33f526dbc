export { analystView, tagsOf } from './audience/analyst-view.ts'
export { createServiceApp } from './create-service-app.ts'
export { createRequestContext, extendContext, type MakeContext } from './context.ts'
export { answerPlain } from './answer.ts'
export { answerFailure, answerFailures } from './errors/answer-failure.ts'
export { formatErrors, originalOf } from './errors/format-error.ts'
export { reportErrors } from './errors/report-errors.ts'
export { createGraphServer, type GraphServer } from './graph-server.ts'
export type { CostExtension } from './limits/cost-extension.ts'
export type { CostExtensionOf } from './limits/plugin.ts'
export {
  parseResult,
  type CreateEngine,
  type EngineTools,
  type EngineResult,
  type OperationEngine,
  type SerializedResult,
} from './operation-engine.ts'
export { introspects } from './plugins/introspection.ts'
export { refusalOf } from './limits/check-document.ts'
export { evaluateCost } from './limits/cost-expression.ts'
export { compileCost } from './limits/cost.ts'
export { measure } from './limits/document-size.ts'
export { documentLimitsOf, type DocumentLimits, type GraphLimits } from './limits/limits.ts'
export { countOverlaps } from './limits/overlapping-fields.ts'
export { parseAnswer } from './parse-answer.ts'
export { serializeAnswer } from './serialize-answer.ts'
export type { GraphRequest, GraphResult, RequestContext } from './request.ts'
export { registerGraph } from './route.ts'
export { JSONScalarScalar, type JsonScalar } from './scalars/json-scalar.ts'
export { DateScalar, DateTimeScalar, JSONObjectScalar, SafeIntScalar } from './scalars/scalars.ts'
export { perTenant } from './workload.ts'
