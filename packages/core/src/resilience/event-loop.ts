import { setImmediate as nextIteration } from 'node:timers/promises'
import { currentWorkload } from '../auth/workload.ts'
import { DomainError } from '../errors/domain-error.ts'
import { createFairSemaphore, PermitDeniedError } from './semaphore.ts'

/** Milliseconds of work in one turn of the event loop; more work is deferred to a later turn. */
const maxTurn = 10

/** Maximum deferred pieces of work of one tenant. */
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
 * Whether work has used up this turn of the event loop. Work of more than a few milliseconds checks this
 * between its parts and, if true, continues in a later turn (`nextTurn`).
 */
export function isTurnOver(): boolean {
  if (turnBegan !== undefined) return performance.now() - turnBegan >= maxTurn
  beginTurn()
  return false
}

/**
 * Resolves in a later turn of the event loop. One piece of work is resumed per turn, and the tenants
 * alternate, so that neither short requests nor other tenants wait for all the work of one tenant.
 *
 * @throws OVERLOADED when too much work of this tenant is deferred already
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

/** Continues at once while the turn of the event loop has time left, otherwise in a later one. */
export async function yieldTurn(): Promise<void> {
  if (isTurnOver()) await nextTurn()
}
