import path from 'node:path'
import type { Readable } from 'node:stream'
import type { CopiedTable } from '@user-stats/postgres'
import { readCompressed } from '../backup/files.ts'
import type { BackupManifest, DumpedDatabase } from '../backup/manifest.ts'
import type { DatabaseName } from '../databases/schemas.ts'

/** The source of restored rows. */
export interface Source {
  readonly databases: Readonly<
    Record<DatabaseName, Omit<DumpedDatabase, 'tables'> & { readonly tables: readonly CopiedTable[] }>
  >
  /**
   * Streams the rows of a table.
   *
   * @param consume resolves after it has read the stream to its end
   * @returns the expected number of rows
   */
  readonly read: (
    database: DatabaseName,
    table: CopiedTable,
    consume: (rows: Readable) => Promise<void>,
  ) => Promise<number>
}

/** The verified files of a backup. */
export const filesOf = (
  dir: string,
  { databases }: BackupManifest,
  onBytes: (bytes: number) => void,
): Source => ({
  databases,
  read: async (database, { name }, consume) => {
    const table = databases[database].tables.find((dumped) => dumped.name === name)
    if (!table) throw new Error(`${dir} has no table ${name}`)
    await consume(readCompressed(path.join(dir, table.file), onBytes))
    return table.rows
  },
})
