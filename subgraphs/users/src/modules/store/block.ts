import type { PrismaClient } from '@user-stats/prisma-users'
import { requireAdmin } from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Delivery } from '../../outbox/deliver.ts'
import type { Outbox } from '../../outbox/outbox-repository.ts'
import { missing, recordChange } from './audit.ts'
import type { StoreRecord } from './queries.ts'

export interface StoreBlockingOptions {
  readonly prisma: PrismaClient
  readonly access: Access
  readonly audit: Audit
  readonly outbox: Outbox
  readonly delivery: Delivery
}

/** Blocking and unblocking stores. Answered only after the events service has committed the change. */
export function createStoreBlocking({ prisma, access, audit, outbox, delivery }: StoreBlockingOptions) {
  async function setState(session: Session, id: number, state: 'ACTIVE' | 'BLOCKED'): Promise<StoreRecord> {
    const caller = await session.activeCaller()
    requireAdmin(caller)
    await inTransaction(prisma, async (tx) => {
      const before = await access.lockStore(tx, caller, id)
      if (before === undefined || before === 'DELETING') throw missing()
      if (before === state) return
      await tx.store.update({ where: { id }, data: { state } })
      const action = state === 'ACTIVE' ? 'STORE_UNBLOCKED' : 'STORE_BLOCKED'
      await recordChange(audit, tx, session, action, id)
      await outbox.enqueue(tx, id, { kind: 'STORE_ACCESS', state })
    })
    // Also without a change here: an earlier attempt may have failed half way.
    await delivery.deliver(await outbox.pendingAccess(id))
    const store = await prisma.store.findUnique({ where: { id } })
    if (store === null) throw missing()
    return store
  }

  return {
    /** Rejects a store's keys and tokens. @throws STORE_NOT_FOUND, SERVICE_UNAVAILABLE (repeat to finish) */
    block: (session: Session, id: number): Promise<StoreRecord> => setState(session, id, 'BLOCKED'),

    /** @throws STORE_NOT_FOUND, SERVICE_UNAVAILABLE (repeat to finish) */
    unblock: (session: Session, id: number): Promise<StoreRecord> => setState(session, id, 'ACTIVE'),
  }
}
