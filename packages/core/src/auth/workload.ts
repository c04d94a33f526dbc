import { AsyncLocalStorage } from 'node:async_hooks'
import type { Caller } from './caller.ts'

/** The tenant and caller that work is done for. Queues and connections are shared fairly between tenants. */
export interface Workload {
  /** The store; without one, the API key, or the network of an anonymous caller. */
  readonly tenant: string
  /** The caller within the tenant. */
  readonly caller: string
}

const storage = new AsyncLocalStorage<Workload | undefined>()

/** Runs `work`, and everything it starts, for a workload. Undefined: for the service itself. */
export const runWorkload = <T>(workload: Workload | undefined, work: () => T): T =>
  storage.run(workload, work)

/** The workload of the running code; undefined: the service itself. */
export const currentWorkload = (): Workload | undefined => storage.getStore()

/**
 * The workload of a caller's requests.
 *
 * @param network the network of an anonymous caller
 */
export function workloadOf(caller: Caller, network: () => string): Workload {
  switch (caller.role) {
    case 'STORE':
    case 'WRITER':
    case 'ANALYST':
    case 'ADMIN': {
      const { keyId } = caller
      const storeId = caller.role === 'ADMIN' ? undefined : caller.storeId
      return { tenant: storeId === undefined ? `key ${keyId}` : `store ${String(storeId)}`, caller: keyId }
    }
    case 'SERVICE':
      return { tenant: `service ${caller.service}`, caller: '' }
    case 'ANONYMOUS':
      return { tenant: `network ${network()}`, caller: '' }
  }
}
