import type { Pool, PoolClient } from 'pg'
import { auditedUserId, type Acting } from '@user-stats/audit-log'
import { parseDataPath, requireService, type Caller } from '@user-stats/core'
import { withExclusiveStoreLock } from '../../database/store-lock.ts'
import { earlierRevocation } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Erasures } from '../deletion/erasure.service.ts'
import type { Progress } from '../deletion/progress.ts'

export interface Applied {
  /** Events the command has deleted, over all its attempts. */
  readonly eventsDeleted: number
}

export interface CommandsOptions {
  readonly pool: Pool
  readonly audit: Audit
  readonly erasures: Erasures
  readonly clock: () => Date
}

export type Commands = ReturnType<typeof createCommands>

/** What the users service tells this one. Each command may arrive more than once and takes effect once. */
export function createCommands({ pool, audit, erasures, clock }: CommandsOptions) {
  return {
    async applyStoreAccess(
      caller: Caller,
      input: { commandId: number; storeId: number; state: 'ACTIVE' | 'BLOCKED' | 'DELETED' },
    ): Promise<Applied> {
      requireService(caller)
      // Alone with the store: once this is answered, no write of before can still commit.
      await withExclusiveStoreLock(pool, input.storeId, (client) =>
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
        analystDataPaths = null,
      }: {
        commandId: number
        storeId: number
        retentionDays?: number | null
        refuseEmailLikeData?: boolean
        analystDataPaths?: readonly string[] | null
      },
    ): Promise<Applied> {
      requireService(caller)
      for (const path of analystDataPaths ?? []) parseDataPath('analystDataPaths', path)
      // Alone with the store: once this is answered, no write judged by the settings before can still commit.
      await withExclusiveStoreLock(pool, storeId, (client) =>
        client.query(
          `INSERT INTO store_settings AS s (store_id, retention_days, refuse_email_like, analyst_data_paths, command_id)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (store_id) DO UPDATE
             SET retention_days = EXCLUDED.retention_days, refuse_email_like = EXCLUDED.refuse_email_like,
                 analyst_data_paths = EXCLUDED.analyst_data_paths, command_id = EXCLUDED.command_id
           WHERE s.command_id < EXCLUDED.command_id`,
          [
            storeId,
            retentionDays ?? null,
            refuseEmailLikeData,
            analystDataPaths && JSON.stringify(analystDataPaths),
            commandId,
          ],
        ),
      )
      return { eventsDeleted: 0 }
    },

    async applyKeyRevocation(
      caller: Caller,
      { storeId, keyId, effectiveAt }: { storeId: number; keyId: string; effectiveAt?: Date | null },
    ): Promise<Applied> {
      requireService(caller)
      await withExclusiveStoreLock(pool, storeId, (client) =>
        client.query(
          `INSERT INTO revoked_keys AS r (store_id, key_id, revoked_at, effective_at)
           VALUES ($1, $2, $3, $4) ${earlierRevocation}`,
          [storeId, keyId, clock(), effectiveAt ?? null],
        ),
      )
      return { eventsDeleted: 0 }
    },

    /** Goes on with an erasure for a while. To be repeated until it is finished. */
    async applyUserErasure(
      acting: Acting,
      {
        commandId,
        storeId,
        userId,
        events = 'ERASE',
      }: { commandId: number; storeId: number; userId: string; events?: 'ERASE' | 'ANONYMISE' },
    ): Promise<Progress> {
      requireService(acting.caller)
      const user = { userId, anonymise: events === 'ANONYMISE' }
      return await erasures.user(
        { storeId, commandId },
        user,
        (client, { eventsDeleted, eventsAnonymised }) =>
          audit.record(client, acting, {
            action: 'USER_ERASURE_APPLIED',
            storeId,
            recordIds: [auditedUserId(userId)],
            recordCount: eventsDeleted + eventsAnonymised,
          }),
      )
    },

    /** Goes on with the deletion of a store for a while. To be repeated until it is finished. */
    async applyStoreDeletion(
      acting: Acting,
      { commandId, storeId }: { commandId: number; storeId: number },
    ): Promise<Progress> {
      requireService(acting.caller)
      await withExclusiveStoreLock(pool, storeId, (client) =>
        setAccess(client, storeId, 'DELETED', commandId),
      )
      return await erasures.store({ storeId, commandId }, (client, { eventsDeleted }) =>
        audit.record(client, acting, {
          action: 'STORE_DELETION_APPLIED',
          storeId,
          recordIds: [String(storeId)],
          recordCount: eventsDeleted,
        }),
      )
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
