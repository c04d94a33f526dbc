import { DomainError, type AuditAction } from '@user-stats/service'
import type { Db } from '../../database/transaction.ts'
import type { Session } from '../../identity/access.ts'
import type { Audit } from '../audit/audit.ts'

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
