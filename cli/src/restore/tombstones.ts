import path from 'node:path'
import { connect } from '@user-stats/postgres'
import type { Sites } from '../databases/site.ts'
import { databaseNames } from '../databases/schemas.ts'
import type { Terminal } from '../terminal.ts'
import { exportTombstones } from '../tombstones/export.ts'
import { readTombstones, tombstonesFile, type Tombstones } from '../tombstones/file.ts'
import type { Chosen } from './choose.ts'

/** Read one at a time: each names everybody who was erased until then. */
export interface TombstoneSource {
  readonly exportedAt: string
  readonly read: () => Promise<Tombstones>
}

export interface GatherOptions {
  readonly chosen: Chosen
  readonly files: readonly string[]
  /** Of the data that is replaced, which knows best. */
  readonly replaced: Tombstones | undefined
  readonly terminal: Terminal
}

/**
 * All there is to know of who was erased, revoked or blocked since the backup was made.
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
    terminal.line(
      'erased',
      'the data that is replaced is of another installation: what was erased there is not erased here',
    )
  const known = sources.map(({ exportedAt }) => exportedAt).sort()
  terminal.line(
    'erased',
    `tombstones are known up to ${known.at(-1) ?? ''}; whoever was erased, revoked or blocked after that comes back`,
  )
  return sources
}

export interface ReplacedOptions {
  /** Whether what was erased is lost when the data cannot be read. */
  readonly ignore: boolean
  readonly terminal: Terminal
  readonly clock: () => Date
}

/**
 * The tombstones of the data that is served now.
 *
 * @returns undefined when there is none, or none that can be read
 * @throws Error when it cannot be read, and that is not to be ignored
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
      terminal.line('erased', `the data that is replaced cannot be read: ${reason}`)
      return undefined
    }
    throw new Error(
      `the data that is there cannot be read, so that whoever was erased since the last backup would come back: ` +
        `${reason}. Go on all the same with --ignore-replaced.`,
      { cause },
    )
  }
}

/** What the databases that are served know of who was erased, revoked or blocked. */
export async function exportServed(sites: Sites, exportedAt: string): Promise<Tombstones> {
  await using undo = new AsyncDisposableStack()
  const open = async (name: keyof Sites) => {
    const database = await sites[name].open('')
    undo.defer(() => database.stop())
    return undo.use(await connect(database.ownerUrl))
  }
  return await exportTombstones(await open('users'), await open('events'), { exportedAt })
}
