import { Prisma, type EventsDb } from '@user-stats/prisma-events'
import { auditedUserId, type AuditContext } from '@user-stats/audit-log'
import { parseDataPath, requireService, type Caller } from '@user-stats/core'
import { withExclusiveStoreLock } from '../../database/store-lock.ts'
import { revokeKey, setStoreAccess, type StoreState } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Erasures } from '../deletion/erasure.service.ts'
import type { Progress } from '../deletion/progress.ts'

export interface Applied {
  /** Events deleted by the command, over all its attempts. */
  readonly eventsDeleted: number
}

export interface CommandsOptions {
  readonly db: EventsDb
  readonly audit: Audit
  readonly erasures: Erasures
  readonly clock: () => Date
}

export type Commands = ReturnType<typeof createCommands>

/** Commands from the users service. Each may arrive more than once and takes effect once. */
export function createCommands({ db, audit, erasures, clock }: CommandsOptions) {
  return {
    async applyStoreAccess(caller: Caller, input: StoreState): Promise<Applied> {
      requireService(caller)
      // With the exclusive lock: once this is answered, no earlier write can still commit.
      await withExclusiveStoreLock(db, input.storeId, (_client, prisma) => setStoreAccess(prisma, input))
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
      const settings = {
        retentionDays: retentionDays ?? null,
        refuseEmailLike: refuseEmailLikeData,
        analystDataPaths: analystDataPaths === null ? Prisma.DbNull : [...analystDataPaths],
        commandId,
      }
      // With the exclusive lock: once this is answered, no write validated under the old settings can still
      // commit.
      await withExclusiveStoreLock(db, storeId, async (_client, prisma) => {
        const newer = { storeId, commandId: { lt: commandId } }
        const { count } = await prisma.storeSettings.updateMany({ where: newer, data: settings })
        if (count === 0)
          await prisma.storeSettings.createMany({ data: { storeId, ...settings }, skipDuplicates: true })
      })
      return { eventsDeleted: 0 }
    },

    async applyKeyRevocation(
      caller: Caller,
      { storeId, keyId, effectiveAt = null }: { storeId: number; keyId: string; effectiveAt?: Date | null },
    ): Promise<Applied> {
      requireService(caller)
      await withExclusiveStoreLock(db, storeId, (_client, prisma) =>
        revokeKey(prisma, { storeId, keyId, revokedAt: clock(), effectiveAt }),
      )
      return { eventsDeleted: 0 }
    },

    /** Continues an erasure for a limited time. Repeat until it is finished. */
    async applyUserErasure(
      auditContext: AuditContext,
      {
        commandId,
        storeId,
        userId,
        events = 'ERASE',
      }: { commandId: number; storeId: number; userId: string; events?: 'ERASE' | 'ANONYMISE' },
    ): Promise<Progress> {
      requireService(auditContext.caller)
      const user = { userId, anonymise: events === 'ANONYMISE' }
      return await erasures.user(
        { storeId, commandId },
        user,
        (prisma, { eventsDeleted, eventsAnonymised }) =>
          audit.record(prisma, auditContext, {
            action: 'USER_ERASURE_APPLIED',
            storeId,
            recordIds: [auditedUserId(userId)],
            recordCount: eventsDeleted + eventsAnonymised,
          }),
      )
    },

    /** Continues the deletion of a store for a limited time. Repeat until it is finished. */
    async applyStoreDeletion(
      auditContext: AuditContext,
      { commandId, storeId }: { commandId: number; storeId: number },
    ): Promise<Progress> {
      requireService(auditContext.caller)
      await withExclusiveStoreLock(db, storeId, (_client, prisma) =>
        setStoreAccess(prisma, { storeId, state: 'DELETED', commandId }),
      )
      return await erasures.store({ storeId, commandId }, (prisma, { eventsDeleted }) =>
        audit.record(prisma, auditContext, {
          action: 'STORE_DELETION_APPLIED',
          storeId,
          recordIds: [String(storeId)],
          recordCount: eventsDeleted,
        }),
      )
    },
  }
}
