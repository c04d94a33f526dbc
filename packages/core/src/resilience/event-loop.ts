import { setImmediate as nextIteration } from 'node:timers/promises'
import { currentWorkload } from '../auth/workload.ts'
import { DomainError } from '../errors/domain-error.ts'
import { createFairSemaphore, PermitDeniedError } from './semaphore.ts'

/** Milliseconds of work in one turn of the event loop, after which more of it waits for a later one. */
const maxTurn = 10

/** Pieces of work of one tenant that may wait. */
const maxWaiting = 10_000

const turns = createFairSemaphore({ permits: 1, maxQueuePerTenant: maxWaiting })
let turnBegan: number | undefined

function beginTurn(): void {
  const now = performance.now()
  turnBegan = now
  setImmediate(() => {
    if (turnBegan === now) turnBegan = undefined
  })
}

/**
 * Whether this turn of the event loop has lasted for long enough. Work that takes longer than a few milliseconds asks
 * this between its parts, and goes on in a later turn (`nextTurn`) if it has.
 */
export function isTurnOver(): boolean {
  if (turnBegan !== undefined) return performance.now() - turnBegan >= maxTurn
  beginTurn()
  return false
}

/**
 * Resolves in a later turn of the event loop. One piece of work is resumed each turn, and the tenants on whose behalf
 * work is done alternate: neither short requests nor the work of other tenants wait for all the work of one.
 *
 * @throws OVERLOADED when too much work of this tenant waits already
 */
export async function nextTurn(): Promise<void> {
  const tenant = currentWorkload()?.tenant ?? 'service'
  const permit = await turns.acquire({ tenant }).catch((error: unknown) => {
    throw error instanceof PermitDeniedError ? new DomainError('OVERLOADED') : error
  })
  await nextIteration()
  beginTurn()
  setImmediate(permit.release)
}

/** Goes on at once in a turn of the event loop that is not over, else in a later one. */
export async function yieldTurn(): Promise<void> {
  if (isTurnOver()) await nextTurn()
}
