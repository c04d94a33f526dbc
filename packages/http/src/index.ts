export { registerApiDocs } from './api-docs/api-docs.ts'
export {
  createIdentify,
  registerAuthentication,
  type Connection,
  type Identify,
  type Origin,
} from './authentication.ts'
export { refusePublishable } from './publishable-key.ts'
export { FormBody } from './body/body-parsers.ts'
export { createHttpApp, toPublicError, type HttpAppOptions } from './create-app.ts'
export {
  registerLandingPage,
  wantsPage,
  type LandingPageOptions,
  type PageHandler,
} from './landing-page/landing-page.ts'
export { readinessOf, type ReadinessChecks } from './health.ts'
export {
  failedRequestOf,
  type AnsweredError,
  type ErrorReporter,
  type FailedRequest,
} from './error-reporter.ts'
export { logIdsOf } from './log-ids.ts'
export { createLazyChild, createLogger, type Logger } from './logger.ts'
export { createMetrics, type Metrics } from './metrics.ts'
export { membersOfLimit, sendProblem } from './problem-details.ts'
export { gatewayCredential, gatewayCredentialHeader, gatewayRecognizer } from './gateway-credential.ts'
export { clientAddress, clientAddressHeader, sealAddress } from './rate-limit/client-address.ts'
export { networkOf } from './rate-limit/network.ts'
export { createQuota } from './rate-limit/quota.ts'
export { createRateLimits, type RateLimitOptions, type RateLimits } from './rate-limit/rate-limits.ts'
export type { SharedCounts } from './rate-limit/shared-counts.ts'
export { acceptableRequestId } from './request-id.ts'
export { serve } from './serve.ts'
export { createPeerBreaker } from './service-breaker.ts'
