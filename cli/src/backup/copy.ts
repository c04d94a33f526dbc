import path from 'node:path'
import { copyCluster, gatherHome, listCluster, type ClusterFiles } from '@user-stats/postgres'
import { startClusters } from '../databases/clusters.ts'
import { databaseNames, type DatabaseName } from '../databases/schemas.ts'
import type { Terminal } from '../terminal.ts'
import { countRows, type Counts } from './facts.ts'
import { scrubDataKeys } from './data-keys.ts'
import { reportRollups } from '../verify/report.ts'
import { progressOf } from './progress.ts'
import { requireSpace } from './space.ts'

export type Homes = Readonly<Record<DatabaseName, string>>

export interface CopyBothOptions {
  /** Where the stopped servers lie. */
  readonly homes: Homes
  readonly to: string
  readonly step: string
  /** Relations of each whose content is left behind. */
  readonly without?: Partial<Record<DatabaseName, readonly string[]>>
  readonly terminal: Terminal
  readonly signal?: AbortSignal | undefined
}

/**
 * Copies both stopped clusters into another data directory.
 *
 * @throws Error when there is no room for them
 */
export async function copyBoth({ homes, to, step, without = {}, terminal, signal }: CopyBothOptions) {
  const lists = {} as Record<DatabaseName, ClusterFiles>
  for (const name of databaseNames)
    lists[name] = await listCluster(path.join(homes[name], 'pgdata'), without[name] ?? [])
  const bytes = databaseNames.flatMap((name) => lists[name].files).reduce((sum, file) => sum + file.bytes, 0)
  await requireSpace(to, bytes)
  const onBytes = progressOf(terminal, step, 'copied', bytes)
  for (const name of databaseNames)
    await copyCluster({ from: homes[name], files: lists[name], dataDir: to, name, onBytes, signal })
  return { installation: lists.users.systemIdentifier, bytes }
}

/**
 * Starts a fresh copy, takes the data keys out of it, and reads all there is.
 *
 * @returns whether it passes: what is wrong in the original is wrong in the copy
 * @throws Error when it is not what was copied
 */
export async function proveCopy(
  dataDir: string,
  { expected, terminal, clock }: { expected: Counts; terminal: Terminal; clock: () => Date },
): Promise<boolean> {
  const settings = { wal_recycle: 'off', autovacuum: 'off' }
  const clusters = await startClusters({ dataDir, settings })
  let fine: boolean
  try {
    const found = await countRows(clusters)
    for (const what of ['stores', 'users', 'events'] as const)
      if (found[what] !== expected[what])
        throw new Error(
          `the copy has ${String(found[what])} ${what}, there were ${String(expected[what])}: nothing was kept`,
        )
    fine = await reportRollups(clusters.events, terminal, clock)
    await scrubDataKeys(clusters.users)
  } finally {
    await clusters.stop()
  }
  for (const name of databaseNames) await gatherHome(dataDir, name)
  return fine
}
