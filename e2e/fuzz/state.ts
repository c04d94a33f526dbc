import { Pool } from 'pg'
import type { TestStack } from '../support/stack.ts'

/** What the databases hold: equal texts, equal rows. */
export interface State {
  readonly all: string
  /** The rows of the store that requests must not change. */
  readonly guarded: string
}

/** Records of requests themselves, also of refused ones: not part of the state. */
const notes = 'audit'

/** Reads both databases as their owners. Where no transaction has written since, nothing is read again. */
export async function createStateReader({ databases }: TestStack, guardedStore: number) {
  const readers = await Promise.all(
    Object.values(databases).map(({ ownerUrl }) => createReader(ownerUrl, guardedStore)),
  )
  return {
    async read(): Promise<State> {
      const states = await Promise.all(readers.map((reader) => reader.read()))
      return {
        all: states.map(({ all }) => all).join('\n'),
        guarded: states.map(({ guarded }) => guarded).join('\n'),
      }
    },
    /** Names of tables and columns that are words of ours only. */
    names: readers.flatMap(({ names }) => names),
    close: () => Promise.all(readers.map((reader) => reader.close())),
  }
}

async function createReader(connectionString: string, guardedStore: number) {
  const pool = new Pool({ connectionString, max: 1 })
  pool.on('error', () => undefined)
  const { rows: columns } = await pool.query<{ table: string; column: string }>(
    `SELECT c.relname AS "table", a.attname AS "column" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum`,
  )
  const tables = [...new Set(columns.map(({ table }) => table))].filter(
    (table) => table !== '_prisma_migrations' && !table.includes(notes),
  )
  const digest = `count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)`
  const query = tables
    .map((table) => {
      const byStore = columns.some((column) => column.table === table && column.column === 'store_id')
      return `SELECT '${table}' AS name, ${digest} AS "all", ${byStore ? `(SELECT ${digest} FROM "${table}" t WHERE store_id = ${String(guardedStore)})` : `''`} AS guarded FROM "${table}" t`
    })
    .join(' UNION ALL ')

  let known: { xid: string; state: State } | undefined
  return {
    names: [...new Set(columns.flatMap(({ table, column }) => [table, column]))],
    async read(): Promise<State> {
      // A transaction that writes takes the next number.
      const { rows } = await pool.query<{ xid: string }>(
        'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid',
      )
      const xid = rows[0]?.xid ?? ''
      if (known?.xid === xid) return known.state
      const found = await pool.query<{ name: string; all: string; guarded: string }>(query)
      const listed = (which: 'all' | 'guarded') =>
        found.rows.map((row) => `${row.name} ${row[which]}`).join('\n')
      const state = { all: listed('all'), guarded: listed('guarded') }
      known = { xid, state }
      return state
    },
    close: () => pool.end(),
  }
}
