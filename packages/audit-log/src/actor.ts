import type { Caller } from '@user-stats/core'

/** The actor of an entry: a caller, one of our services, or an operator's command. */
export interface AuditActor {
  readonly role: 'STORE' | 'ANALYST' | 'ADMIN' | 'SERVICE' | 'OPERATOR'
  readonly keyId: string | null
  /** The store the key belongs to. */
  readonly storeId: number | null
}

/** A request and its caller: the part of an entry that does not depend on the action. */
export interface AuditContext {
  readonly caller: Caller
  readonly requestId: string
}

/** The actor of an operator's command, which has no key. */
export const operator: AuditActor = { role: 'OPERATOR', keyId: null, storeId: null }

/** @throws Error for anonymous callers and publishable keys, whose actions are never recorded */
export function actorOf(caller: Caller): AuditActor {
  switch (caller.role) {
    case 'STORE':
    case 'ANALYST':
      return { role: caller.role, keyId: caller.keyId, storeId: caller.storeId ?? null }
    case 'ADMIN':
      return { role: caller.role, keyId: caller.keyId, storeId: null }
    case 'SERVICE':
      return { role: caller.role, keyId: null, storeId: null }
    case 'ANONYMOUS':
    case 'WRITER':
      throw new Error('callers of this role do nothing that the audit log records')
  }
}
