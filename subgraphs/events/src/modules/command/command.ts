import type { Pool, PoolClient } from 'pg'
import { auditedUserId, requireService, type Acting, type Caller } from '@user-stats/service'
import { aloneWithStore } from '../access/transaction.ts'
import type { Audit } from '../audit/audit.ts'
import { daysOfStore, removeStoreDay, removeUserEvents } from '../event/removal.ts'

export interface Applied {
  /** Events the command has deleted, over all its attempts. */
  readonly eventsDeleted: number
}

export type Commands = ReturnType<typeof createCommands>

/** What the users service tells this one. Each command may arrive more than once and takes effect once. */
export function createCommands({
  pool,
  audit,
  clock,
}: {
  readonly pool: Pool
  readonly audit: Audit
  readonly clock: () => Date
}) {
  return {
    async applyStoreAccess(
      caller: Caller,
      input: { commandId: number; storeId: number; state: 'ACTIVE' | 'BLOCKED' | 'DELETED' },
    ): Promise<Applied> {
      requireService(caller)
      // Alone with the store: once this is answered, no write of before can still commit.
      await aloneWithStore(pool, input.storeId, (client) =>
        setAccess(client, input.storeId, input.state, input.commandId),
      )
      return { eventsDeleted: 0 }
    },

    async applyStoreSettings(
      caller: Caller,
      {
        commandId,
        storeId,
        retentionDays,
        refuseEmailLikeData = false,
      }: {
        commandId: number
        storeId: number
        retentionDays?: number | null
        refuseEmailLikeData?: boolean
      },
    ): Promise<Applied> {
      requireService(caller)
      // Alone with the store: once this is answered, no write judged by the settings before can still commit.
      await aloneWithStore(pool, storeId, (client) =>
        client.query(
          `INSERT INTO store_settings AS s (store_id, retention_days, refuse_email_like, command_id)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (store_id) DO UPDATE
             SET retention_days = EXCLUDED.retention_days, refuse_email_like = EXCLUDED.refuse_email_like,
                 command_id = EXCLUDED.command_id
           WHERE s.command_id < EXCLUDED.command_id`,
          [storeId, retentionDays ?? null, refuseEmailLikeData, commandId],
        ),
      )
      return { eventsDeleted: 0 }
    },

    async applyKeyRevocation(
      caller: Caller,
      { storeId, keyId }: { storeId: number; keyId: string },
    ): Promise<Applied> {
      requireService(caller)
      await aloneWithStore(pool, storeId, (client) =>
        client.query(
          'INSERT INTO revoked_keys (store_id, key_id, revoked_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          [storeId, keyId, clock()],
        ),
      )
      return { eventsDeleted: 0 }
    },

    async applyUserErasure(
      acting: Acting,
      { commandId, storeId, userId }: { commandId: number; storeId: number; userId: string },
    ): Promise<Applied> {
      requireService(acting.caller)
      const eventsDeleted = await aloneWithStore(pool, storeId, async (client) => {
        const done = await progressOf(client, storeId, commandId)
        if (done.finished) return done.eventsDeleted
        await client.query(
          'INSERT INTO erased_users (store_id, user_id, erased_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          [storeId, userId, clock()],
        )
        const deleted = await removeUserEvents(client, storeId, userId)
        await addProgress(client, storeId, commandId, deleted, clock())
        const recordIds = [auditedUserId(userId)]
        const record = { action: 'USER_ERASURE_APPLIED', storeId, recordIds, recordCount: deleted } as const
        await audit.record(client, acting, record)
        return deleted
      })
      return { eventsDeleted }
    },

    async applyStoreDeletion(
      acting: Acting,
      { commandId, storeId }: { commandId: number; storeId: number },
    ): Promise<Applied> {
      requireService(acting.caller)
      const { days, finished, eventsDeleted } = await aloneWithStore(pool, storeId, async (client) => {
        await setAccess(client, storeId, 'DELETED', commandId)
        return { ...(await progressOf(client, storeId, commandId)), days: await daysOfStore(client, storeId) }
      })
      if (finished) return { eventsDeleted }
      // A day at a time: bounded transactions, and a repeat goes on with the days that are left.
      for (const day of days)
        await aloneWithStore(pool, storeId, async (client) => {
          await addProgress(client, storeId, commandId, await removeStoreDay(client, storeId, day), null)
        })
      return await aloneWithStore(pool, storeId, async (client) => {
        await client.query('DELETE FROM idempotency_keys WHERE store_id = $1', [storeId])
        await client.query('DELETE FROM erased_users WHERE store_id = $1', [storeId])
        await client.query('DELETE FROM store_settings WHERE store_id = $1', [storeId])
        await addProgress(client, storeId, commandId, 0, clock())
        const recordCount = (await progressOf(client, storeId, commandId)).eventsDeleted
        const recordIds = [String(storeId)]
        const record = { action: 'STORE_DELETION_APPLIED', storeId, recordIds, recordCount } as const
        await audit.record(client, acting, record)
        return { eventsDeleted: recordCount }
      })
    },
  }
}

const setAccess = (client: PoolClient, storeId: number, state: string, commandId: number): Promise<unknown> =>
  client.query(
    `INSERT INTO store_access AS a (store_id, state, command_id) VALUES ($1, $2::store_access_state, $3)
     ON CONFLICT (store_id) DO UPDATE SET state = EXCLUDED.state, command_id = EXCLUDED.command_id
     WHERE a.command_id < EXCLUDED.command_id AND a.state <> 'DELETED'`,
    [storeId, state, commandId],
  )

async function progressOf(
  client: PoolClient,
  storeId: number,
  commandId: number,
): Promise<{ eventsDeleted: number; finished: boolean }> {
  const { rows } = await client.query<{ events_deleted: string; finished_at: Date | null }>(
    'SELECT events_deleted, finished_at FROM erasures WHERE store_id = $1 AND command_id = $2',
    [storeId, commandId],
  )
  const [row] = rows
  return { eventsDeleted: Number(row?.events_deleted ?? 0), finished: row?.finished_at != null }
}

const addProgress = (
  client: PoolClient,
  storeId: number,
  commandId: number,
  deleted: number,
  finishedAt: Date | null,
): Promise<unknown> =>
  client.query(
    `INSERT INTO erasures AS e (store_id, command_id, events_deleted, finished_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (store_id, command_id) DO UPDATE
       SET events_deleted = e.events_deleted + EXCLUDED.events_deleted, finished_at = EXCLUDED.finished_at`,
    [storeId, commandId, deleted, finishedAt],
  )
