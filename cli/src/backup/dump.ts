import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import {
  listTables,
  openSnapshot,
  readSequences,
  type CopiedTable,
  type Snapshot,
} from '@user-stats/postgres'
import type { DatabaseName } from '../databases/schemas.ts'
import { appliedMigrations } from './database-state.ts'
import { countRows, writeCompressed } from './files.ts'
import type { DumpedDatabase, DumpedTable, FileEntry } from './manifest.ts'

/** The table of users' data keys, which are stored apart. */
export const dataKeysTable = 'user_keys'

/** The tables included in a backup; the schema is restored by migrations. */
export async function tablesToDump({ client }: Pick<Snapshot, 'client'>) {
  const tables = await listTables(client)
  return tables.filter(({ name }) => name !== '_prisma_migrations' && name !== dataKeysTable)
}

export interface Dump {
  readonly database: DumpedDatabase
  readonly files: readonly FileEntry[]
}

export interface DumpOptions {
  readonly name: DatabaseName
  readonly snapshot: Snapshot
  /** Of the whole backup. */
  readonly dir: string
  /** Called with the number of bytes before compression; an exception aborts the work. */
  readonly onBytes: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

/** Writes the rows of one snapshot, one file per table or partition. */
export async function dumpDatabase(options: DumpOptions): Promise<Dump> {
  const { name, snapshot, dir, signal } = options
  await rm(path.join(dir, name), { recursive: true, force: true })
  await mkdir(path.join(dir, name), { mode: 0o700 })
  const tables: DumpedTable[] = []
  const files: FileEntry[] = []
  for (const { bytes: _, ...table } of await tablesToDump(snapshot)) {
    signal?.throwIfAborted()
    const dumped = await dumpTable(options, table, `${name}/${table.name}.copy.zst`)
    tables.push(dumped.table)
    files.push(dumped.file)
  }
  const { rows } = await snapshot.client.query<{ bytes: string }>(
    'SELECT pg_database_size(current_database()) AS bytes',
  )
  const database = {
    migrations: await appliedMigrations(snapshot.client),
    bytes: Number(rows[0]?.bytes),
    sequences: await readSequences(snapshot.client),
    tables,
  }
  return { database, files }
}

/** Retention may drop a partition that the snapshot still has: then retry without it. */
export async function dumpEvents(url: string, options: Omit<DumpOptions, 'name'>): Promise<Dump> {
  try {
    return await dumpDatabase({ name: 'events', ...options })
  } catch (error) {
    if ((error as { code?: string }).code !== '42P01') throw error
    await using snapshot = await openSnapshot(url)
    return await dumpDatabase({ name: 'events', ...options, snapshot })
  }
}

/** Writes the rows of one table, and reads them back. */
export async function dumpTable(
  { snapshot, dir, onBytes }: Pick<DumpOptions, 'snapshot' | 'dir' | 'onBytes'>,
  table: CopiedTable,
  name: string,
): Promise<{ table: DumpedTable; file: FileEntry }> {
  let file: FileEntry | undefined
  const rows = await snapshot.copyOut(table, async (stream) => {
    file = await writeCompressed(dir, name, stream, onBytes)
  })
  const written = await countRows(path.join(dir, name))
  if (!file || written !== rows)
    throw new Error(`${name} has ${String(written)} rows, the table ${String(rows)}: nothing was kept`)
  return { table: { ...table, file: name, rows }, file }
}
