import DataLoader from 'dataloader'
import type { Asking, UserActivity, UserRef, Users } from './user.service.ts'

/** Batches what one operation asks about the activity of users. */
export const createActivityLoader = (
  request: Asking,
  users: Users,
): DataLoader<UserRef, UserActivity, string> =>
  new DataLoader((refs) => users.activityOf(request, refs), {
    cacheKeyFn: ({ storeId, ref }) => `${String(storeId)}\0${ref}`,
  })
