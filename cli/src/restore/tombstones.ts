import path from 'node:path'
import { databasesIn, startClusters } from '../databases/clusters.ts'
import { databaseNames } from '../databases/schemas.ts'
import type { Terminal } from '../terminal.ts'
import { exportTombstones } from '../tombstones/export.ts'
import { readTombstones, type Tombstones } from '../tombstones/file.ts'
import type { Chosen } from './choose.ts'

export interface GatherOptions {
  readonly chosen: Chosen
  readonly files: readonly string[]
  /** The data to be replaced: it knows best who was erased. */
  readonly replaced: string | undefined
  readonly ignoreReplaced: boolean
  readonly terminal: Terminal
  readonly clock: () => Date
}

/**
 * All there is to know of who was erased, revoked or blocked since the backup was made.
 *
 * @throws Error when the data to be replaced, which knows, cannot be read
 */
export async function gatherTombstones(options: GatherOptions): Promise<Tombstones[]> {
  const { chosen, files, replaced, ignoreReplaced, terminal, clock } = options
  const { installation } = chosen.backup.manifest
  const all: Tombstones[] = []
  for (const { dir } of chosen.later) all.push(await readTombstones(path.join(dir, 'tombstones.ndjson')))
  for (const file of files) {
    const found = await readTombstones(file)
    if (found.installation !== installation)
      throw new Error(`${file} is of another installation than the backup`)
    all.push(found)
  }
  if (replaced !== undefined) {
    const found = await exportReplaced(replaced, { installation, exportedAt: clock().toISOString() }).catch(
      (cause: unknown) => {
        if (ignoreReplaced) return undefined
        throw new Error(
          `the data in ${replaced} cannot be read, so that whoever was erased since the last backup would come back: ` +
            `${(cause as Error).message.split('\n', 1)[0] ?? ''}. Go on all the same with --ignore-replaced.`,
          { cause },
        )
      },
    )
    if (found) all.push(found)
  }
  const known = [chosen.backup.manifest.createdAt, ...all.map(({ exportedAt }) => exportedAt)].sort().at(-1)
  terminal.line(
    'erased',
    `tombstones are known up to ${known ?? ''}; whoever was erased, revoked or blocked after that comes back`,
  )
  return all
}

async function exportReplaced(dataDir: string, head: Pick<Tombstones, 'installation' | 'exportedAt'>) {
  const present = databasesIn(dataDir)
  if (present.length < databaseNames.length) throw new Error(`there is only the ${present.join()} database`)
  const clusters = await startClusters({ dataDir })
  try {
    return await exportTombstones(clusters.users, clusters.events, head)
  } finally {
    await clusters.stop()
  }
}
