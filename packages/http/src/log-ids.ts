import type { Caller } from '@user-stats/core'

/** A caller's ids in the log: never an address or personal data. */
export interface LogIds {
  readonly keyId?: string
  readonly storeId?: number | undefined
  readonly service?: string
}

/** @returns undefined for anonymous callers */
export function logIdsOf(caller: Caller | undefined): LogIds | undefined {
  if (caller === undefined || caller.role === 'ANONYMOUS') return undefined
  if (caller.role === 'SERVICE') return { service: caller.service }
  return { keyId: caller.keyId, ...('storeId' in caller && { storeId: caller.storeId }) }
}
