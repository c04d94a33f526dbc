import type { createLegacyImport, LegacyKey } from '@user-stats/users/legacy-import'
import type { createEventImport } from '@user-stats/events/legacy-import'
import type { Report } from './report.ts'
import type { ConsumerRow, KeyRow, Source } from './source.ts'

/** The target of rows; absent in a dry run. */
export interface Target {
  readonly users: Awaited<ReturnType<typeof createLegacyImport>>
  readonly events: ReturnType<typeof createEventImport>
}

/** Possible owners of rows of the previous system. */
export interface Consumers {
  readonly storeIds: readonly number[]
  /** The reason why rows cannot belong to a consumer; undefined when they can. */
  readonly fault: (id: number | null) => string | undefined
}

const maxName = 300
/** Characters that `POST /api/auth` accepts. */
const maxKey = 1_024

const nameOf = ({ id, name }: ConsumerRow, report: Report): string => {
  if (name === null || name.trim() === '') {
    report.repaired('consumers', 'missing name replaced by "Store <id>"')
    return `Store ${String(id)}`
  }
  const characters = Array.from(name)
  if (characters.length > maxName) report.repaired('consumers', `name cut to ${String(maxName)} characters`)
  return characters.slice(0, maxName).join('')
}

/**
 * Imports stores and API keys.
 *
 * @throws Error with a one-line message when another store has one of the ids
 */
export async function importStores(
  source: Source,
  target: Target | undefined,
  report: Report,
): Promise<Consumers> {
  const consumers = await source.consumers()
  const keys = await source.keys()
  const stores = consumers.filter(({ isAdmin }) => isAdmin !== true)
  const valid: ConsumerRow[] = []
  for (const store of stores)
    if (store.id >= 1) valid.push(store)
    else await report.rejected('consumers', store.id, 'id: must be 1 or more', store)
  await target?.users.stores.reserveIds(Math.max(0, ...consumers.map(({ id }) => id)))
  const deleted = target ? await createStores(valid, target, report) : new Set<number>()
  await importKeys(consumers, keys, deleted, target, report)
  const storeIds = valid.map(({ id }) => id).filter((id) => !deleted.has(id))
  return { storeIds, fault: faultsOf(consumers, new Set(storeIds), deleted) }
}

function faultsOf(
  consumers: readonly ConsumerRow[],
  storeIds: ReadonlySet<number>,
  deleted: ReadonlySet<number>,
): Consumers['fault'] {
  const admins = new Set(consumers.filter(({ isAdmin }) => isAdmin === true).map(({ id }) => id))
  return (id) => {
    if (id === null) return 'store_id: is missing'
    if (storeIds.has(id)) return undefined
    if (deleted.has(id)) return 'store_id: the store was deleted in this system'
    return admins.has(id) ? 'store_id: is an administrator, not a store' : 'store_id: no store has this id'
  }
}

/** @returns the stores that were deleted here after an import */
async function createStores(
  stores: readonly ConsumerRow[],
  { users, events }: Target,
  report: Report,
): Promise<ReadonlySet<number>> {
  const ids = stores.map(({ id }) => id)
  const { here, deleted } = await users.stores.known(ids)
  const others = stores.filter(({ id, name }) => {
    const known = here.get(id)
    return known !== undefined && known !== cutName(name, id)
  })
  if (others.length > 0)
    throw new Error(
      `${others.map(({ id }) => `store ${String(id)} is "${here.get(id) ?? ''}" here`).join(', ')}: clients of the ` +
        'previous system would reach another store. Import into an installation without stores of these ids, or, if ' +
        'it is the same store, give it the name it has there',
    )
  for (const row of stores) {
    if (deleted.has(row.id)) report.done('consumers', 'stores deleted here since: left out')
    else if (here.has(row.id)) report.done('consumers', 'stores imported before')
    else {
      const blocked = row.isActive !== true
      if (row.isActive === null) report.repaired('consumers', 'is_active that is missing: blocked')
      await users.stores.create({ id: row.id, name: nameOf(row, report), blocked })
      report.done('consumers', blocked ? 'blocked stores' : 'stores')
    }
  }
  for (const command of await users.stores.undelivered(ids)) {
    await events.setStoreAccess(command)
    await users.stores.markDelivered(command)
  }
  return deleted
}

const cutName = (name: string | null, id: number): string =>
  name === null || name.trim() === '' ? `Store ${String(id)}` : Array.from(name).slice(0, maxName).join('')

/** A key that is not taken over must not be readable in a file. */
const masked = (key: string): string => `${key.slice(0, Math.min(4, Math.floor(key.length / 4)))}…`

async function importKeys(
  consumers: readonly ConsumerRow[],
  rows: readonly KeyRow[],
  deleted: ReadonlySet<number>,
  target: Target | undefined,
  report: Report,
): Promise<void> {
  const owners = new Map(consumers.map((consumer) => [consumer.id, consumer]))
  const accepted: LegacyKey[] = []
  for (const { key, ownerId } of rows) {
    const owner = ownerId === null ? undefined : owners.get(ownerId)
    const fault = keyFault(key, owner, deleted)
    if (fault !== undefined || owner === undefined)
      await report.rejected('api_keys', masked(key), fault ?? '', { owner_id: ownerId })
    else {
      const name = cutName(owner.name, owner.id)
      accepted.push({ key, storeId: owner.isAdmin === true ? null : owner.id, name })
    }
  }
  const added = target ? await target.users.stores.addKeys(accepted) : accepted.length
  report.done('api_keys', 'keys', added)
  if (added < accepted.length) report.done('api_keys', 'keys imported before', accepted.length - added)
  const withKey = new Set(rows.map(({ ownerId }) => ownerId))
  const without = consumers.filter(({ id }) => !withKey.has(id)).length
  if (without > 0) report.done('consumers', 'stores or administrators without a key: create one', without)
}

function keyFault(
  key: string,
  owner: ConsumerRow | undefined,
  deleted: ReadonlySet<number>,
): string | undefined {
  if (owner === undefined) return 'owner_id: no store or administrator has this id'
  if (deleted.has(owner.id)) return 'owner_id: the store was deleted in this system'
  if (owner.isAdmin === true && owner.isActive !== true) return 'owner_id: the administrator is blocked'
  if (key === '') return 'key: is empty, anybody could sign in with it'
  if (Array.from(key).length > maxKey) return `key: is longer than ${String(maxKey)} characters`
  return undefined
}
