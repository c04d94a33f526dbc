/**
 * The actions recorded in the audit logs of both services. The enum AuditAction of the graph has the same
 * values.
 */
export const auditActions = [
  'STORE_CREATED',
  'STORE_UPDATED',
  'STORE_BLOCKED',
  'STORE_UNBLOCKED',
  'STORE_DELETED',
  'API_KEY_CREATED',
  'API_KEY_ROTATED',
  'API_KEY_REVOKED',
  'MASTER_KEY_ROTATED',
  'SIGNING_KEY_ROTATED',
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DELETED',
  'USER_ERASED',
  'VISITOR_ERASED',
  'USER_EXPORTED',
  'USERS_READ',
  'STORE_USERS_DELETED',
  'USER_EVENTS_DELETED',
  'STORE_EVENTS_DELETED',
  'USER_ERASURE_APPLIED',
  'STORE_DELETION_APPLIED',
  'COMMAND_RETRIED',
  'ROLLUPS_VERIFIED',
  'DATABASE_RESTORED',
  'AUDIT_LOG_PRUNED',
] as const

export type AuditAction = (typeof auditActions)[number]
