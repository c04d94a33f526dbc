import pg from 'pg'

/** A table with rows: an ordinary one or a partition. */
export interface CopiedTable {
  readonly name: string
  readonly columns: readonly string[]
  /** For a partition: its parent table, and its bounds as SQL. */
  readonly partition?: { readonly of: string; readonly bounds: string }
}

export interface TableSize {
  /** Bytes on disk, without indexes. */
  readonly bytes: number
}

/** The tables of schema `public`; columns in the order of the partitioned table, without generated ones. */
export async function listTables(client: pg.Client): Promise<(CopiedTable & TableSize)[]> {
  const { rows } = await client.query<{
    name: string
    columns: string[]
    parent: string | null
    bounds: string | null
    bytes: string | null
  }>(
    `SELECT c.relname AS name, p.relname AS parent, pg_get_expr(c.relpartbound, c.oid) AS bounds,
            pg_table_size(c.oid) AS bytes,
            (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
             WHERE a.attrelid = coalesce(p.oid, c.oid) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            ) AS columns
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
     ORDER BY c.relname`,
  )
  return rows.map(({ name, columns, parent, bounds, bytes }) => ({
    name,
    columns,
    ...(parent !== null && bounds !== null && { partition: { of: parent, bounds } }),
    bytes: Number(bytes),
  }))
}

/** Last values of all used sequences of schema `public`. They are never behind any snapshot. */
export async function readSequences(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; value: string }>(
    `SELECT sequencename AS name, last_value::text AS value FROM pg_sequences
     WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY 1`,
  )
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

/** Sets sequences to continue after these values. */
export async function writeSequences(
  client: pg.Client,
  sequences: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, value] of Object.entries(sequences))
    await client.query('SELECT setval($1::regclass, $2::bigint)', [quotedTable(name), value])
}

const range = /^(?:DEFAULT|FOR VALUES FROM \('[^']*'\) TO \('[^']*'\))$/

/**
 * Creates missing partitions.
 *
 * @throws Error when the bounds are not a range
 */
export async function createPartitions(client: pg.Client, tables: readonly CopiedTable[]): Promise<void> {
  for (const { name, partition } of tables) {
    if (!partition) continue
    if (!range.test(partition.bounds))
      throw new Error(`the partition ${name} has bounds that are not a range: ${partition.bounds}`)
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${quotedTable(name)} PARTITION OF ${quotedTable(partition.of)} ${partition.bounds}`,
    )
  }
}

export const quotedTable = (name: string): string => `public.${pg.escapeIdentifier(name)}`
