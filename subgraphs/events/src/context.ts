import type DataLoader from 'dataloader'
import { extendContext, type RequestContext } from '@user-stats/graphql'
import type { Aggregates } from './modules/aggregate/aggregate.service.ts'
import type { Analytics } from './modules/analytics/analytics.service.ts'
import type { Audit } from './modules/audit/audit.service.ts'
import type { Commands } from './modules/command/command.service.ts'
import type { Deletion } from './modules/deletion/deletion.service.ts'
import type { Events } from './modules/event/event.service.ts'
import type { IdempotencyKeys } from './modules/idempotency-key/idempotency-key.service.ts'
import { createActivityLoader } from './modules/user/user.loader.ts'
import type { UserActivity, UserRef, Users } from './modules/user/user.service.ts'
import type { Verification } from './modules/verification/verification.service.ts'

/** The domain of this service, created once. */
export interface Domain {
  readonly events: Events
  readonly deletion: Deletion
  readonly aggregates: Aggregates
  readonly analytics: Analytics
  readonly audit: Audit
  readonly commands: Commands
  readonly idempotencyKeys: IdempotencyKeys
  readonly users: Users
  readonly verification: Verification
}

export interface Loaders {
  readonly activity: DataLoader<UserRef, UserActivity, string>
}

/** The context of resolvers: the request, the domain, and loaders that live as long as the operation. */
export interface Context extends RequestContext, Domain {
  readonly loaders: Loaders
}

export const toContext = (request: RequestContext, domain: Domain): Context =>
  extendContext(request, {
    ...domain,
    loaders: { activity: createActivityLoader(request, domain.users) },
  })
