import { createReadStream } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { createErasureReplay } from '@user-stats/users/erasure-replay'
import type { Pools, ReplayOptions } from '../tombstones/pools.ts'

const batch = 5_000

/**
 * Gives users their data keys back. Users without one cannot be read by anybody any more: they are deleted.
 *
 * @param dir a backup of data keys
 */
export async function importDataKeys(
  { users }: Pick<Pools, 'users'>,
  dir: string,
  options: ReplayOptions,
): Promise<{ restored: number; removed: number }> {
  const replay = createErasureReplay({ pool: users, ...options })
  let restored = 0
  let rows: object[] = []
  for await (const line of createInterface(createReadStream(path.join(dir, 'user-keys.ndjson')))) {
    rows.push(JSON.parse(line) as object)
    if (rows.length < batch) continue
    restored += await replay.addDataKeys(rows)
    rows = []
  }
  restored += await replay.addDataKeys(rows)
  return { restored, removed: await replay.removeUnpaired() }
}
