import path from 'node:path'
import { connect } from '@user-stats/postgres'
import type { Sites } from '../databases/site.ts'
import { databaseNames } from '../databases/schemas.ts'
import type { Terminal } from '../terminal.ts'
import { exportTombstones } from '../tombstones/export.ts'
import { readTombstones, tombstonesFile, type Tombstones } from '../tombstones/file.ts'
import type { SelectedBackup } from './select-backup.ts'

/** Read one at a time: each lists everyone erased until then. */
export interface TombstoneSource {
  readonly exportedAt: string
  readonly read: () => Promise<Tombstones>
}

export interface GatherOptions {
  readonly chosen: SelectedBackup
  readonly files: readonly string[]
  /** The tombstones of the existing data, which are the most recent. */
  readonly replaced: Tombstones | undefined
  readonly terminal: Terminal
}

/**
 * All known tombstones since the backup.
 *
 * @throws Error when a file cannot be read, or is of another installation
 */
export async function gatherTombstones(options: GatherOptions): Promise<TombstoneSource[]> {
  const { chosen, files, replaced, terminal } = options
  const sources: TombstoneSource[] = []
  const add = async (file: string) => {
    const { exportedAt, installation } = await readTombstones(file)
    if (!chosen.installations.has(installation))
      throw new Error(`${file} is of another installation than the backup`)
    sources.push({ exportedAt, read: () => readTombstones(file) })
  }
  for (const { dir } of [chosen.backup, ...chosen.later]) await add(path.join(dir, tombstonesFile))
  for (const file of files) await add(file)
  if (replaced && chosen.installations.has(replaced.installation))
    sources.push({ exportedAt: replaced.exportedAt, read: () => Promise.resolve(replaced) })
  else if (replaced && replaced.installation !== '')
    terminal.line('erased', 'the existing data is of another installation: its erasures are ignored')
  const known = sources.map(({ exportedAt }) => exportedAt).sort()
  terminal.line(
    'erased',
    `tombstones are known up to ${known.at(-1) ?? ''}; later erasures, revocations and blocks are lost`,
  )
  return sources
}

export interface ReplacedOptions {
  /** Whether to lose them when the data cannot be read. */
  readonly ignore: boolean
  readonly terminal: Terminal
  readonly clock: () => Date
}

/**
 * The tombstones of the served data.
 *
 * @returns undefined when there is no data, or it cannot be read
 * @throws Error when it cannot be read, and that must not be ignored
 */
export async function readReplaced(sites: Sites, options: ReplacedOptions): Promise<Tombstones | undefined> {
  const { ignore, terminal, clock } = options
  const present = []
  for (const name of databaseNames) if ((await sites[name].stages()).has('')) present.push(name)
  if (present.length === 0) return undefined
  try {
    if (present.length < databaseNames.length) throw new Error(`there is only the ${present.join()} database`)
    return await exportServed(sites, clock().toISOString())
  } catch (cause) {
    const reason = (cause as Error).message.split('\n', 1)[0] ?? ''
    if (ignore) {
      terminal.line('erased', `the existing data cannot be read: ${reason}`)
      return undefined
    }
    throw new Error(
      `the existing data cannot be read, so users erased since the last backup would be restored: ` +
        `${reason}. Go on all the same with --ignore-replaced.`,
      { cause },
    )
  }
}

/** The erased users, revoked keys and blocked stores in the served databases. */
export async function exportServed(sites: Sites, exportedAt: string): Promise<Tombstones> {
  await using undo = new AsyncDisposableStack()
  const open = async (name: keyof Sites) => {
    const database = await sites[name].open('')
    undo.defer(() => database.stop())
    return undo.use(await connect(database.ownerUrl))
  }
  return await exportTombstones(await open('users'), await open('events'), { exportedAt })
}
