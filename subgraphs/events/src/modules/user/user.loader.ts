import DataLoader from 'dataloader'
import type { UserRequest, UserActivity, UserRef, Users } from './user.service.ts'

/** Batches one operation's queries for the activity of users. */
export const createActivityLoader = (
  request: UserRequest,
  users: Users,
): DataLoader<UserRef, UserActivity, string> =>
  new DataLoader((refs) => users.activityOf(request, refs), {
    cacheKeyFn: ({ storeId, ref }) => `${String(storeId)}\0${ref}`,
  })
