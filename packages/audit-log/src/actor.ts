import type { Caller } from '@user-stats/core'

/** Who acted: a caller, one of our services, or whoever runs commands on the machine. */
export interface AuditActor {
  readonly role: 'STORE' | 'ANALYST' | 'ADMIN' | 'SERVICE' | 'OPERATOR'
  readonly keyId: string | null
  /** The store the key belongs to. */
  readonly storeId: number | null
}

/** A request and who sent it: what an entry says beside what was done. */
export interface Acting {
  readonly caller: Caller
  readonly requestId: string
}

/** What an operator's command acts as: there is no key to name. */
export const operator: AuditActor = { role: 'OPERATOR', keyId: null, storeId: null }

/** @throws Error for nobody, who does nothing that is recorded */
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
      throw new Error('anonymous callers cannot be recorded in the audit log')
  }
}
