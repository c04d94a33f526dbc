import { inPoolTransaction, type UsersDatabase } from '@user-stats/prisma-users'
import {
  auditedUserId,
  recordAudit,
  statementsOn,
  type AuditAction,
  type AuditRecord,
} from '@user-stats/audit-log'
import { insertRows } from '../database/insert-rows.ts'

type Pool = UsersDatabase['pool']

/** An exported row of `erasures`; another version's may have more or fewer columns. */
export interface ErasureTombstone {
  readonly store_id: number
  readonly subject: 'USER' | 'VISITOR' | 'STORE'
  readonly subject_id: string
  readonly events: 'ERASE' | 'ANONYMISE' | 'KEEP'
  readonly state: 'PENDING' | 'RUNNING' | 'DONE'
}

/** The commands that the events database still needs. */
export interface ReplayedErasure {
  readonly storeId: number
  readonly subject: ErasureTombstone['subject']
  readonly subjectId: string
  readonly anonymise: boolean
  readonly commandId: number
}

/**
 * Repeats erasures in a restored database. Run by the owner; idempotent, and continues an interrupted run.
 */
export function createErasureReplay({
  pool,
  command,
  clock,
}: {
  readonly pool: Pool
  /** The actor in the audit log. */
  readonly command: string
  readonly clock: () => Date
}) {
  const recordOn = (client: Db, record: AuditRecord): Promise<void> =>
    recordAudit(statementsOn(client), { command }, record, clock())

  return {
    /** New commands get higher numbers than those known to the events database, whichever is older. */
    async numberAfter(commandId: number): Promise<void> {
      await pool.query(
        `SELECT setval('outbox_id_seq', greatest($1::bigint, last_value)) FROM outbox_id_seq WHERE last_value < $1::bigint`,
        [commandId],
      )
    },

    /** Receipts issued since remain verifiable. */
    addReceiptKeys: (rows: readonly object[]): Promise<number> => insertRows(pool, 'receipt_keys', rows),

    /** Inserts data keys of existing users. @returns the number inserted */
    addDataKeys: (rows: readonly object[]): Promise<number> =>
      insertRows(
        pool,
        'user_keys',
        rows,
        'EXISTS (SELECT FROM users u WHERE u.store_id = r.store_id AND u.id = r.user_id)',
      ),

    /** Those of some erasures that are not recorded here, or not executed by the events database. */
    async unfinished(all: readonly ErasureTombstone[]): Promise<ErasureTombstone[]> {
      const { rows } = await pool.query<{ at: number }>(
        `SELECT (r.at - 1)::int AS at
         FROM unnest($1::int[], $2::erasure_subject[], $3::text[]) WITH ORDINALITY AS r (store_id, subject, subject_id, at)
           LEFT JOIN erasures e ON e.store_id = r.store_id AND e.subject = r.subject AND e.subject_id = r.subject_id
           LEFT JOIN outbox o ON o.store_id = e.store_id AND o.id = e.command_id AND o.delivered_at IS NULL
         WHERE e.store_id IS NULL OR o.id IS NOT NULL ORDER BY r.at`,
        [all.map((row) => row.store_id), all.map((row) => row.subject), all.map((row) => row.subject_id)],
      )
      return rows.flatMap(({ at }) => all[at] ?? [])
    },

    /**
     * Erases the subject here, and records the original erasure.
     *
     * @returns the command the events database still needs, if any
     */
    async erase(row: ErasureTombstone): Promise<ReplayedErasure | undefined> {
      const { store_id: storeId, subject, subject_id: subjectId, events } = row
      if (await isKnown(pool, row)) return await undelivered(pool, row)
      await inPoolTransaction(pool, async (client) => {
        await removeSubject(client, row)
        const { rows } =
          events === 'KEEP'
            ? { rows: [] }
            : await client.query<{ id: string }>(
                `INSERT INTO outbox (store_id, kind, payload) VALUES ($1, $2::command_kind, $3) RETURNING id`,
                [
                  storeId,
                  subject === 'STORE' ? 'DELETE_STORE' : 'ERASE_USER',
                  subject === 'STORE' ? {} : { userId: subjectId, events },
                ],
              )
        await insertRows(client, 'erasures', [{ ...row, command_id: rows[0] ? Number(rows[0].id) : null }])
        const recordIds = [subject === 'STORE' ? String(storeId) : auditedUserId(subjectId)]
        await recordOn(client, { action: actionOf(row), storeId, recordIds })
      })
      return await undelivered(pool, row)
    },

    /**
     * Marks an erasure as executed by the events database. One unfinished at its export is left to the
     * service.
     */
    async markDelivered({ storeId, commandId }: ReplayedErasure): Promise<void> {
      await pool.query(
        `UPDATE outbox o SET delivered_at = now() FROM erasures e
         WHERE o.store_id = $1 AND o.id = $2 AND e.store_id = o.store_id AND e.command_id = o.id AND e.state = 'DONE'`,
        [storeId, commandId],
      )
    },

    /**
     * Deletes users without a data key, whose data is unreadable, and data keys without a user. @returns
     * their number
     */
    removeUnpaired: (): Promise<number> =>
      inPoolTransaction(pool, async (client) => {
        await client.query(
          `DELETE FROM user_keys k WHERE NOT EXISTS (
             SELECT FROM users u WHERE u.store_id = k.store_id AND u.id = k.user_id)`,
        )
        const { rows } = await client.query<{ storeId: number; id: string }>(
          `DELETE FROM users u WHERE NOT EXISTS (
             SELECT FROM user_keys k WHERE k.store_id = u.store_id AND k.user_id = u.id)
           RETURNING store_id AS "storeId", id`,
        )
        for (const [storeId, removed] of Map.groupBy(rows, (row) => row.storeId))
          await recordOn(client, { action: 'USER_DELETED', storeId, recordIds: removed.map(({ id }) => id) })
        return rows.length
      }),
  }
}

type Db = Pick<Pool, 'query'>
const subjectOf = ({ store_id, subject, subject_id }: ErasureTombstone) => [store_id, subject, subject_id]
const where = 'e.store_id = $1 AND e.subject = $2::erasure_subject AND e.subject_id = $3'

const actionOf = ({ subject, events }: ErasureTombstone): AuditAction => {
  if (subject === 'STORE') return 'STORE_DELETED'
  if (subject === 'VISITOR') return 'VISITOR_ERASED'
  return events === 'KEEP' ? 'USER_DELETED' : 'USER_ERASED'
}

const isKnown = async (db: Db, row: ErasureTombstone): Promise<boolean> =>
  (await db.query(`SELECT FROM erasures e WHERE ${where}`, subjectOf(row))).rowCount !== 0

async function undelivered(db: Db, row: ErasureTombstone): Promise<ReplayedErasure | undefined> {
  const { rows } = await db.query<{ id: string; events: string }>(
    `SELECT o.id, e.events FROM erasures e JOIN outbox o ON o.store_id = e.store_id AND o.id = e.command_id
     WHERE ${where} AND o.delivered_at IS NULL`,
    subjectOf(row),
  )
  const [found] = rows
  if (!found) return undefined
  const { store_id: storeId, subject, subject_id: subjectId } = row
  return { storeId, subject, subjectId, anonymise: found.events === 'ANONYMISE', commandId: Number(found.id) }
}

const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

async function removeSubject(
  db: Db,
  { store_id: storeId, subject, subject_id: id }: ErasureTombstone,
): Promise<void> {
  if (subject === 'STORE')
    for (const table of ['users', 'user_keys', 'api_keys', 'stores'])
      await db.query(`DELETE FROM ${table} WHERE store_id = $1`, [storeId])
  // Visitors have no data in this database.
  else if (uuid.test(id)) {
    await db.query('DELETE FROM users WHERE store_id = $1 AND id = $2::uuid', [storeId, id])
    await db.query('DELETE FROM user_keys WHERE store_id = $1 AND user_id = $2::uuid', [storeId, id])
  }
}
