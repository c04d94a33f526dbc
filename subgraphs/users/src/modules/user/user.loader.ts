import DataLoader from 'dataloader'
import type { Session } from '../access/access.service.ts'
import type { UserRecord, UserReference, Users } from './user.service.ts'

/** Registered users by reference, together for an operation. */
export const createUserLoader = (
  users: Users,
  session: Session,
): DataLoader<UserReference, UserRecord | null, string> =>
  new DataLoader((references) => users.byReferences(session, references), {
    cacheKeyFn: ({ storeId, ref }) => `${String(storeId)}/${ref}`,
  })
