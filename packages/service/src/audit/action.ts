/** What the audit logs of both services tell of. The enum AuditAction of the graph names the same. */
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
  'USER_EXPORTED',
  'USERS_READ',
  'STORE_USERS_DELETED',
  'USER_EVENTS_DELETED',
  'STORE_EVENTS_DELETED',
  'USER_ERASURE_APPLIED',
  'STORE_DELETION_APPLIED',
  'ROLLUPS_VERIFIED',
  'AUDIT_LOG_PRUNED',
] as const

export type AuditAction = (typeof auditActions)[number]
