import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import pg, { type ClientBase } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { DuckDBConnection } from '@duckdb/node-api'
import { literal, readFiles } from './files-sql.ts'
import { columnOf, numberOf, type BuildTask, type Built, type MergeTask } from './protocol.ts'

const parquet = '(FORMAT parquet, COMPRESSION zstd)'

/** Values are passed as session variables, so that none is part of a statement's text. */
const setting = (at: number): string => `user_stats.path${String(at)}`
const arrayOf = (path: string): string =>
  `{${(JSON.parse(path) as string[]).map((step) => `"${step.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`

async function copyDay(
  client: ClientBase,
  task: BuildTask,
  key: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const { storeId, day, paths, known } = task
  await client.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${pg.escapeLiteral(task.snapshot)}`,
  )
  await client.query('SELECT set_config($1, $2, true)', ['user_stats.key', `${key} ${String(storeId)} `])
  for (const [at, path] of paths.entries())
    await client.query('SELECT set_config($1, $2, true)', [setting(at), arrayOf(path)])
  const values = paths.map((_path, at) => `data #> (SELECT current_setting('${setting(at)}')::text[])`)
  const text = `COPY (
    SELECT (extract(epoch FROM occurred_at) * 1000)::bigint, id,
           md5((SELECT current_setting('user_stats.key')) || user_id)::uuid, type${values.map((value) => `, ${value}`).join('')}
    FROM events WHERE store_id = ${String(storeId)} AND id > ${known?.afterId ?? '0'}
      AND occurred_at >= ${pg.escapeLiteral(`${day} 00:00:00+00`)}::timestamptz
      AND occurred_at < ${pg.escapeLiteral(`${day} 00:00:00+00`)}::timestamptz + interval '24 hours'
  ) TO STDOUT (FORMAT csv)`
  await pipeline(client.query(copyTo(text)), createWriteStream(file, { mode: 0o600 }), { signal })
  await client.query('COMMIT')
}

/** Numbers begin like this as JSON, and nothing else does. */
const isNumber = (column: string): string =>
  `ascii(${column}) IN (45, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57)`
/** Up to six decimal places and twelve digits before them are exact in 18 digits. */
const fits = String.raw`'-?\d{1,12}(\.\d{1,6})?'`

function valuesSql(path: string): string {
  const column = columnOf(path)
  const { double, decimal } = numberOf(path)
  return `${column},
    CASE WHEN ${isNumber(column)} THEN CAST(${column} AS DOUBLE) END AS ${double},
    CASE WHEN ${isNumber(column)} AND regexp_full_match(${column}, ${fits}) THEN CAST(${column} AS DECIMAL(18, 6)) END AS ${decimal}`
}

/**
 * Reads a day of a store from a snapshot of the database into a Parquet file. Users become pseudonyms on the
 * way.
 *
 * @returns the number of new events in it
 */
export async function buildSegment(
  duckdb: DuckDBConnection,
  client: ClientBase,
  task: BuildTask,
  key: string,
  signal: AbortSignal,
): Promise<Built> {
  const csv = `${task.target}.csv`
  try {
    await copyDay(client, task, key, csv, signal)
    const columns = [
      `'ts': 'BIGINT', 'id': 'BIGINT', 'u': 'UUID', 'type': 'VARCHAR'`,
      ...task.paths.map((path) => `${literal(columnOf(path))}: 'VARCHAR'`),
    ]
    const fresh =
      task.known === null
        ? ''
        : `WHERE id NOT IN (SELECT id FROM ${readFiles(task.known.files)} WHERE id > ${task.known.afterId})`
    await duckdb.run(`COPY (
      SELECT ${String(task.storeId)}::INT AS store, ts, id, u, type${task.paths.map((path) => `, ${valuesSql(path)}`).join('')}
      FROM read_csv(${literal(csv)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
        nullstr = '', allow_quoted_nulls = false, columns = {${columns.join(', ')}})
      ${fresh} ORDER BY ts
    ) TO ${literal(task.target)} ${parquet}`)
    return await describe(duckdb, task.target)
  } finally {
    await rm(csv, { force: true })
  }
}

/** Writes the rows of some files into one. */
export async function mergeSegments(duckdb: DuckDBConnection, { files, target }: MergeTask): Promise<Built> {
  await duckdb.run(`COPY (SELECT * FROM ${readFiles(files)} ORDER BY ts) TO ${literal(target)} ${parquet}`)
  return await describe(duckdb, target)
}

async function describe(duckdb: DuckDBConnection, file: string): Promise<Built> {
  const reader = await duckdb.runAndReadAll(`SELECT count(*), max(id) FROM ${readFiles([file])}`)
  const [events = 0, lastId = null] = reader.getRowsJson()[0] ?? []
  return { events: Number(events), lastId: lastId === null ? null : (lastId as string) }
}
