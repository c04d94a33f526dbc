import type DataLoader from 'dataloader'
import { extendContext, type RequestContext } from '@user-stats/graphql'
import type { RateLimits } from '@user-stats/http'
import type { Access, Session } from './modules/access/access.service.ts'
import type { Audit } from './modules/audit/audit.service.ts'
import type { ApiKeys } from './modules/api-key/api-key.service.ts'
import type { Undelivered } from './modules/command/undelivered.service.ts'
import type { Erasures } from './modules/erasure/erasure.service.ts'
import { createStoreLoader } from './modules/store/store.loader.ts'
import type { StoreRecord, Stores } from './modules/store/store.service.ts'
import type { Tokens } from './modules/token/token.service.ts'
import { createUserLoader } from './modules/user/user.loader.ts'
import type { UserRecord, UserReference, Users } from './modules/user/user.service.ts'

/** The domain of this service, created once. */
export interface Domain {
  readonly access: Access
  readonly apiKeys: ApiKeys
  readonly audit: Audit
  readonly erasures: Erasures
  readonly stores: Stores
  readonly tokens: Tokens
  readonly undelivered: Undelivered
  readonly users: Users
  /** Limits attempts with API keys. */
  readonly rates: Pick<RateLimits, 'tryKey'>
}

export interface Loaders {
  readonly store: DataLoader<number, StoreRecord | null>
  readonly user: DataLoader<UserReference, UserRecord | null, string>
}

/** The context of resolvers: the request, the domain, and loaders that live as long as the operation. */
export interface Context extends RequestContext, Domain {
  readonly session: Session
  readonly loaders: Loaders
}

export function toContext(request: RequestContext, domain: Domain): Context {
  const session = domain.access.session(request)
  return extendContext(request, {
    ...domain,
    session,
    loaders: {
      store: createStoreLoader(domain.stores, session),
      user: createUserLoader(domain.users, session, request),
    },
  })
}
