import { DomainError } from '@user-stats/core'
import type { AuditAction } from '@user-stats/audit-log'
import type { Db } from '../../database/transaction.ts'
import type { Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'

export const missing = (): DomainError => new DomainError('STORE_NOT_FOUND')

/** Writes down, in its transaction, what was done to a store. @param fields the names of what was changed */
export const recordChange = (
  audit: Audit,
  tx: Db,
  session: Session,
  action: AuditAction,
  id: number,
  fields: readonly string[] = [],
): Promise<void> => audit.record(tx, session, { action, storeId: id, recordIds: [String(id)], fields })
