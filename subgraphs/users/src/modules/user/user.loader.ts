import DataLoader from 'dataloader'
import type { Session } from '../access/access.service.ts'
import type { UserRecord, UserReference, Users } from './user.service.ts'

/** Registered users by reference, together for an operation. */
export const createUserLoader = (
  users: Users,
  session: Session,
  request: { readonly signal: AbortSignal },
): DataLoader<UserReference, UserRecord | null, string> =>
  new DataLoader((references) => users.byReferences(session, references, request), {
    cacheKeyFn: ({ storeId, ref }) => `${String(storeId)}/${ref}`,
  })
