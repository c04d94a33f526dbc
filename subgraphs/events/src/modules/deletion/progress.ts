import type { Pool, PoolClient } from 'pg'

/** What carrying out a command has done so far, over all its attempts. */
export interface Progress {
  readonly finished: boolean
  /** How many events there were at the beginning. Null until they are counted. */
  readonly eventsTotal: number | null
  readonly eventsDeleted: number
  readonly eventsAnonymised: number
  /** Rows deleted, by table. */
  readonly rows: Readonly<Record<string, number>>
  /** Who has the events of an anonymised user; null when they are deleted, and again once it is finished. */
  readonly pseudonym: string | null
}

export interface CommandKey {
  readonly storeId: number
  readonly commandId: number
}

interface Row {
  readonly events_total: string | null
  readonly events_deleted: string
  readonly events_anonymised: string
  readonly erased_rows: Record<string, number>
  readonly pseudonym: string | null
  readonly finished_at: Date | null
}

/** Not a command: deleting all events of a store at a caller's wish. Commands count from 1. */
export const directDeletionId = 0

/** Begins, unless it was begun before. */
export const beginProgress = (
  client: PoolClient,
  { storeId, commandId }: CommandKey,
  pseudonym: string | null,
): Promise<unknown> =>
  client.query(
    'INSERT INTO erasures (store_id, command_id, pseudonym) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [storeId, commandId, pseudonym],
  )

/** Goes on with what has not come to its end; what has begins anew. */
export const resumeProgress = (client: PoolClient, { storeId, commandId }: CommandKey): Promise<unknown> =>
  client.query(
    `INSERT INTO erasures AS e (store_id, command_id) VALUES ($1, $2)
     ON CONFLICT (store_id, command_id) DO UPDATE
       SET events_total = NULL, events_deleted = 0, erased_rows = '{}', finished_at = NULL
       WHERE e.finished_at IS NOT NULL`,
    [storeId, commandId],
  )

export async function hasBegun(pool: Pool, { storeId, commandId }: CommandKey): Promise<boolean> {
  const { rows } = await pool.query('SELECT FROM erasures WHERE store_id = $1 AND command_id = $2', [
    storeId,
    commandId,
  ])
  return rows.length > 0
}

/** Where it stands; whoever works at the same command waits until this transaction ends. */
export async function holdProgress(
  client: PoolClient,
  { storeId, commandId }: CommandKey,
): Promise<Progress> {
  const { rows } = await client.query<Row>(
    `SELECT events_total, events_deleted, events_anonymised, erased_rows, pseudonym, finished_at
     FROM erasures WHERE store_id = $1 AND command_id = $2 FOR UPDATE`,
    [storeId, commandId],
  )
  const [row] = rows
  if (row === undefined) throw new Error('an erasure that was not begun')
  return {
    finished: row.finished_at !== null,
    eventsTotal: row.events_total === null ? null : Number(row.events_total),
    eventsDeleted: Number(row.events_deleted),
    eventsAnonymised: Number(row.events_anonymised),
    rows: row.erased_rows,
    pseudonym: row.pseudonym,
  }
}

/** Writes down where it stands now. Once it is finished nothing tells any more whom a pseudonym stood for. */
export async function saveProgress(
  client: PoolClient,
  { storeId, commandId }: CommandKey,
  { eventsTotal, eventsDeleted, eventsAnonymised, rows, pseudonym, finished }: Progress,
  now: Date,
): Promise<void> {
  await client.query(
    `UPDATE erasures SET events_total = $3, events_deleted = $4, events_anonymised = $5, erased_rows = $6,
       pseudonym = $7, finished_at = $8
     WHERE store_id = $1 AND command_id = $2`,
    [
      storeId,
      commandId,
      eventsTotal,
      eventsDeleted,
      eventsAnonymised,
      rows,
      finished ? null : pseudonym,
      finished ? now : null,
    ],
  )
}

/** Adds up rows by table. Tables without any are left out. */
export const addRows = (
  before: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> => {
  const sum: Record<string, number> = { ...before }
  for (const [table, count] of Object.entries(more)) if (count > 0) sum[table] = (sum[table] ?? 0) + count
  return sum
}
