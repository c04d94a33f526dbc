import { createReadStream } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { connectToCopy, copyIn, migrate } from '@user-stats/postgres'
import { createErasureReplay } from '@user-stats/users/erasure-replay'
import { readCompressed } from '../backup/files.ts'
import type { Found } from '../backup/folder.ts'
import type { JsonKeysManifest, KeysManifest } from '../backup/manifest.ts'
import type { Database } from '../databases/database.ts'
import { schemas } from '../databases/schemas.ts'
import type { Pools, ReplayOptions } from '../tombstones/pools.ts'

/**
 * Restores data keys into a users database, which is first migrated to the version of their backup.
 *
 * @returns the number of keys
 */
export async function copyDataKeys(
  { ownerUrl }: Pick<Database, 'ownerUrl'>,
  { dir, manifest }: Found<KeysManifest>,
): Promise<number> {
  await migrate({ url: ownerUrl, ...schemas.users }, { only: manifest.migrations })
  await using client = await connectToCopy(ownerUrl)
  const { table } = manifest
  const copied = await copyIn(
    client,
    table,
    readCompressed(path.join(dir, table.file), () => undefined),
  )
  if (copied !== table.rows)
    throw new Error(`${dir}: ${String(copied)} data keys were restored, there were ${String(table.rows)}`)
  return copied
}

const batch = 5_000

/** Restores data keys of version 1 into an up-to-date users database. */
export async function insertDataKeys(
  { users }: Pick<Pools, 'users'>,
  { dir }: Found<JsonKeysManifest>,
  options: ReplayOptions,
): Promise<number> {
  const replay = createErasureReplay({ pool: users, ...options })
  let inserted = 0
  let rows: object[] = []
  for await (const line of createInterface(createReadStream(path.join(dir, 'user-keys.ndjson')))) {
    rows.push(JSON.parse(line) as object)
    if (rows.length < batch) continue
    inserted += await replay.addDataKeys(rows)
    rows = []
  }
  return inserted + (await replay.addDataKeys(rows))
}
