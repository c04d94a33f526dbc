import type { Pool } from 'pg'
import { DomainError, inChunks, mayReadTenant, tenantOf, type Caller } from '@user-stats/core'
import type { Access } from '../access/access.service.ts'

/** A user in this service: identified by the `user_id` that the store sends. */
export interface UserRef {
  readonly storeId: number
  readonly ref: string
}

export interface UserActivity {
  readonly eventCount: number
  readonly lastSeenAt: Date | null
}

/** The caller of a request, and its abort signal. */
export interface UserRequest {
  readonly caller: Caller
  readonly signal: AbortSignal
}

/** Maximum users of one statement. */
const chunk = 250

export type Users = ReturnType<typeof createUsers>

/** The activity of a user, computed from events. */
export function createUsers({ pool, access }: { readonly pool: Pool; readonly access: Access }) {
  return {
    /** @throws UNAUTHENTICATED, FORBIDDEN unless the caller may see users of the store */
    reference(caller: Caller, { storeId, ref }: UserRef): UserRef {
      if (!mayReadTenant(caller, storeId)) {
        tenantOf(caller, storeId)
        throw new DomainError('FORBIDDEN')
      }
      return { storeId, ref }
    },

    /** Activity of many users, in their order. */
    async activityOf(request: UserRequest, users: readonly UserRef[]): Promise<UserActivity[]> {
      const { caller } = request
      for (const storeId of new Set(users.map((user) => user.storeId)))
        await access.assertActive(caller, tenantOf(caller, storeId))
      return await inChunks(users, chunk, (some) => activityOf(pool, some), request)
    },
  }
}

async function activityOf(pool: Pool, users: readonly UserRef[]): Promise<UserActivity[]> {
  const { rows } = await pool.query<{ ord: number; count: string; last: Date | null }>({
    name: 'activity-of',
    text: `SELECT w.ord, a.count, a.last
           FROM unnest($1::int[], $2::int[], $3::text[]) AS w(ord, store_id, user_id)
           CROSS JOIN LATERAL (
             SELECT count(*) AS count, max(occurred_at) AS last
             FROM events e WHERE e.store_id = w.store_id AND e.user_id = w.user_id
           ) a`,
    values: [
      users.map((_user, ord) => ord),
      users.map(({ storeId }) => storeId),
      users.map(({ ref }) => ref),
    ],
  })
  const found = new Map(
    rows.map(({ ord, count, last }) => [ord, { eventCount: Number(count), lastSeenAt: last }]),
  )
  return users.map((_user, ord) => found.get(ord) ?? { eventCount: 0, lastSeenAt: null })
}
