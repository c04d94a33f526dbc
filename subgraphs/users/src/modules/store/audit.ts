import { DomainError } from '@user-stats/core'
import type { AuditAction } from '@user-stats/audit-log'
import type { Db } from '../../database/transaction.ts'
import type { Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'

export const missing = (): DomainError => new DomainError('STORE_NOT_FOUND')

/** Records a change of a store, in its transaction. @param fields names of the changed fields */
export const recordChange = (
  audit: Audit,
  tx: Db,
  session: Session,
  action: AuditAction,
  id: number,
  fields: readonly string[] = [],
): Promise<void> => audit.record(tx, session, { action, storeId: id, recordIds: [String(id)], fields })
