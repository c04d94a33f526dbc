import DataLoader from 'dataloader'
import type { Caller } from '@user-stats/core'
import type { UserActivity, UserRef, Users } from './user.service.ts'

/** Batches what one operation asks about the activity of users. */
export const createActivityLoader = (
  caller: Caller,
  users: Users,
): DataLoader<UserRef, UserActivity, string> =>
  new DataLoader((refs) => users.activityOf(caller, refs), {
    cacheKeyFn: ({ storeId, ref }) => `${String(storeId)}\0${ref}`,
  })
