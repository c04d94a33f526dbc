import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { connect } from '../client/connect.ts'
import { quotedTable, type CopiedTable } from './tables.ts'

/** A text format that any server reads the same; no timeouts, since a copy may take hours. */
const session = `SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';
  SET bytea_output = 'hex'; SET extra_float_digits = 1; SET statement_timeout = 0; SET lock_timeout = 0;
  SET idle_in_transaction_session_timeout = 0`

/**
 * A connection for copying rows.
 *
 * @throws DatabaseUnreachableError
 */
export async function connectToCopy(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = await connect(url)
  await client.query(session)
  return client
}

const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'

/** A consistent snapshot of a database. */
export interface Snapshot extends AsyncDisposable {
  /** A client in a transaction that reads this snapshot. */
  readonly client: pg.Client
  /**
   * Reads all rows of a table, in the text format of COPY. The table is locked only meanwhile, so that others
   * may alter it and create partitions before the snapshot ends.
   *
   * @param consume resolves after it has read the stream to its end
   * @returns the number of rows
   * @throws DatabaseError `42P01` when the table was dropped in the meantime
   */
  readonly copyOut: (
    table: Pick<CopiedTable, 'name' | 'columns'>,
    consume: (rows: Readable) => Promise<void>,
  ) => Promise<number>
}

/**
 * Opens a consistent snapshot, held until disposed of.
 *
 * @throws DatabaseUnreachableError
 */
export async function openSnapshot(url: string): Promise<Snapshot> {
  await using undo = new AsyncDisposableStack()
  const client = undo.use(await connectToCopy(url))
  await client.query(begin)
  const { rows } = await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id')
  const id = pg.escapeLiteral(rows[0]?.id ?? '')
  const held = undo.move()
  return {
    client,
    copyOut: async ({ name, columns }, consume) => {
      await using reader = await connectToCopy(url)
      await reader.query(begin)
      await reader.query(`SET TRANSACTION SNAPSHOT ${id}`)
      const stream = reader.query(copyTo(`COPY ${quotedTable(name)} (${listOf(columns)}) TO STDOUT`))
      // When the consumer fails, the connection fails after it; report the first error.
      stream.on('error', () => undefined)
      await consume(stream)
      // The server reports the row count after the last row.
      await reader.query('COMMIT')
      return stream.rowCount
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/**
 * Writes rows in the text format of COPY into a table.
 *
 * @param client of {@link connectToCopy}
 * @returns the number of rows
 */
export async function copyIn(
  client: pg.Client,
  { name, columns }: Pick<CopiedTable, 'name' | 'columns'>,
  rows: Readable,
): Promise<number> {
  const stream = client.query(copyFrom(`COPY ${quotedTable(name)} (${listOf(columns)}) FROM STDIN`))
  await pipeline(rows, stream)
  return stream.rowCount
}

const listOf = (columns: readonly string[]): string =>
  columns.map((name) => pg.escapeIdentifier(name)).join(', ')
