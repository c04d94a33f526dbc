import type { PrismaClient } from '@user-stats/prisma-users'
import { requireAdmin } from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Commands } from '../../outbox/deliver.ts'
import type { ErasureRecord } from '../erasure/erasure.types.ts'
import type { ErasureRepository } from '../erasure/erasure.repository.ts'
import type { ErasureWait } from '../erasure/await-erasure.ts'
import { missing, recordChange } from './audit.ts'

export interface StoreDeletionOptions {
  readonly prisma: PrismaClient
  readonly access: Access
  readonly audit: Audit
  readonly commands: Commands
  readonly erasures: ErasureRepository
  readonly outcome: ErasureWait
  readonly clock: () => Date
}

/** Requests the deletion of a store. Its effects on this database are in `erase-store.ts`. */
export function createStoreDeletion({
  prisma,
  access,
  audit,
  commands,
  erasures,
  outcome,
  clock,
}: StoreDeletionOptions) {
  return {
    /**
     * Deletes a store with its users, keys and events. A repeated request continues an interrupted deletion
     * and includes its counts.
     *
     * @param signal aborted when no client waits for the result any more
     * @throws STORE_NOT_FOUND once the result was returned, SERVICE_UNAVAILABLE when the end takes too long
     */
    async remove(session: Session, id: number, signal: AbortSignal): Promise<ErasureRecord> {
      const caller = await session.activeCaller()
      requireAdmin(caller)
      const subject = { storeId: id, subject: 'STORE', subjectId: '' } as const
      await inTransaction(prisma, async (tx) => {
        const state = await access.lockStore(tx, caller, id)
        if (state === undefined || state === 'DELETING') return
        await tx.store.update({ where: { id }, data: { state: 'DELETING' } })
        await tx.apiKey.updateMany({ where: { storeId: id, revokedAt: null }, data: { revokedAt: clock() } })
        await recordChange(audit, tx, session, 'STORE_DELETED', id)
        await commands.enqueue(tx, id, { kind: 'STORE_ACCESS', state: 'DELETED' })
        await erasures.create(tx, subject, 'ERASE')
        await erasures.tie(tx, subject, (await commands.enqueue(tx, id, { kind: 'DELETE_STORE' })).id)
      })
      // Tokens are rejected everywhere before the long work begins.
      await commands.deliverAccess(id)
      return await outcome.of(await erasures.ofSubject(prisma, id, 'STORE', ''), missing, signal)
    },
  }
}
