import { createAccessReplay as createEventsReplay, type RevokedKey } from '@user-stats/events/access-replay'
import { createAccessReplay as createUsersReplay, type EndedKey } from '@user-stats/users/access-replay'
import type { Tombstones } from './file.ts'
import type { Pools, ReplayOptions } from './pools.ts'

const storeIdOf = (row: object): number => Number('store_id' in row ? row.store_id : 0)

/** Revokes keys and blocks stores again, in both databases. Idempotent. */
export async function replayAccess(
  pools: Pools,
  tombstones: Tombstones,
  options: ReplayOptions,
): Promise<{ keys: number; stores: number }> {
  const users = createUsersReplay({ pool: pools.users, ...options })
  const events = createEventsReplay({ pool: pools.events, clock: options.clock })
  const { lastStoreId, deletedStores, endedKeys, revokedKeys, blockedStores } = tombstones
  await users.numberStoresAfter(
    deletedStores
      .map(storeIdOf)
      .reduce((a, b) => Math.max(a, b), Math.max(lastStoreId, await events.lastStore())),
  )
  const ended = endedKeys as unknown as readonly EndedKey[]
  const keys = await users.endKeys(ended)
  await events.revokeKeys([
    ...(revokedKeys as unknown as readonly RevokedKey[]),
    ...ended.flatMap(({ id, store_id, revoked_at }) =>
      revoked_at === null ? [] : [{ store_id: store_id ?? 0, key_id: id, revoked_at }],
    ),
  ])
  const blocked = await users.blockStores(blockedStores.map(storeIdOf))
  for (const command of blocked) {
    await events.blockStore(command)
    await users.markDelivered(command)
  }
  return { keys, stores: blocked.length }
}
