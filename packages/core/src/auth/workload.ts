import { AsyncLocalStorage } from 'node:async_hooks'
import type { Caller } from './caller.ts'

/** On whose behalf work is done: queues and connections are shared out by it. */
export interface Workload {
  /** A store; without one, the key itself or where an anonymous request comes from. */
  readonly tenant: string
  /** Who of the tenant. */
  readonly caller: string
}

const storage = new AsyncLocalStorage<Workload | undefined>()

/** Does work on behalf of somebody, and all that follows from it. Undefined: of the service itself. */
export const runWorkload = <T>(workload: Workload | undefined, work: () => T): T =>
  storage.run(workload, work)

/** On whose behalf the running code works; undefined: of the service itself. */
export const currentWorkload = (): Workload | undefined => storage.getStore()

/**
 * On whose behalf a caller's requests are carried out.
 *
 * @param network where they come from, when they are anonymous
 */
export function workloadOf(caller: Caller, network: () => string): Workload {
  switch (caller.role) {
    case 'STORE':
    case 'ANALYST':
    case 'ADMIN': {
      const { keyId } = caller
      const storeId = caller.role === 'ADMIN' ? undefined : caller.storeId
      return { tenant: storeId === undefined ? `key ${keyId}` : `store ${String(storeId)}`, caller: keyId }
    }
    case 'SERVICE':
      return { tenant: `service ${caller.service}`, caller: '' }
    case 'NOBODY':
      return { tenant: `network ${network()}`, caller: '' }
  }
}
