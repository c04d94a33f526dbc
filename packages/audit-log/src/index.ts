export { auditActions, type AuditAction } from './actions.ts'
export type { AuditContext } from './actor.ts'
export { auditTypeDefsFile } from './type-defs.ts'
export { readAuditPage, type AuditFilter } from './read.ts'
export {
  auditedUserId,
  recordAudit,
  statementsIn,
  statementsOn,
  type AuditRecord,
  type RunStatement,
} from './write.ts'
