export interface FairSemaphoreOptions {
  /** Number of permits. */
  readonly permits: number
  /** Maximum permits of one tenant. */
  readonly maxPerTenant?: number | ((tenant: string) => number)
  /** Maximum queued requests of one tenant. */
  readonly maxQueuePerTenant: number
  /** Maximum queued requests of one caller. */
  readonly maxQueuePerCaller?: number
  /** Maximum milliseconds in the queue. */
  readonly maxWait?: number
}

/** A request for a permit and the workload it belongs to. */
export interface PermitRequest {
  readonly tenant: string
  /** The caller within the tenant. */
  readonly caller?: string
  /** Removes the request from the queue when it is aborted. */
  readonly signal?: AbortSignal
}

/** The right to do one piece of work; must be released exactly once. */
export interface Permit extends Disposable {
  readonly release: () => void
}

/** Why no permit was granted. */
export class PermitDeniedError extends Error {
  override name = 'PermitDeniedError'
  readonly reason: 'QUEUE_FULL' | 'ABORTED' | 'TIMEOUT'

  constructor(reason: PermitDeniedError['reason']) {
    super(`no permit was granted: ${reason}`)
    this.reason = reason
  }
}

interface Tenant {
  readonly name: string
  held: number
  queued: number
  /** Queued requests by caller, the caller served least recently first. */
  readonly callers: Map<string, Set<() => void>>
}

/**
 * A semaphore whose permits are shared fairly among tenants, and within a tenant among its callers. The next
 * permit goes to the tenant that holds the fewest and, of equals, to the least recently served one: however
 * many requests one tenant has queued, another tenant's first is granted before its second. A full queue
 * rejects only the tenant, or the caller, that filled it.
 */
export function createFairSemaphore({
  permits,
  maxPerTenant = permits,
  maxQueuePerTenant,
  maxQueuePerCaller = maxQueuePerTenant,
  maxWait,
}: FairSemaphoreOptions) {
  let free = permits
  const tenants = new Map<string, Tenant>()
  /** Tenants with queued requests, least recently served first. */
  const queue = new Set<Tenant>()

  function tenantOf(name: string): Tenant {
    const known = tenants.get(name)
    if (known) return known
    const tenant: Tenant = { name, held: 0, queued: 0, callers: new Map() }
    tenants.set(name, tenant)
    return tenant
  }

  function forgetIdle(tenant: Tenant): void {
    if (tenant.held === 0 && tenant.queued === 0) tenants.delete(tenant.name)
  }

  const mayHoldMore = ({ name, held }: Tenant): boolean =>
    free > 0 && held < (typeof maxPerTenant === 'number' ? maxPerTenant : maxPerTenant(name))

  function grantTo(tenant: Tenant): Permit {
    free -= 1
    tenant.held += 1
    let released = false
    const release = (): void => {
      if (released) throw new Error('a permit was released twice')
      released = true
      free += 1
      tenant.held -= 1
      grantQueued()
      forgetIdle(tenant)
    }
    return { release, [Symbol.dispose]: release }
  }

  function nextTenant(): Tenant | undefined {
    let next: Tenant | undefined
    for (const tenant of queue) {
      if (!mayHoldMore(tenant) || (next && next.held <= tenant.held)) continue
      next = tenant
      if (tenant.held === 0) break
    }
    return next
  }

  function grantQueued(): void {
    for (let tenant = nextTenant(); tenant; tenant = nextTenant()) {
      const [[caller, requests] = []] = tenant.callers
      const [grant] = requests ?? []
      if (caller === undefined || grant === undefined) return
      dequeue(tenant, caller, grant)
      moveToEnd(tenant, caller)
      grant()
    }
  }

  function moveToEnd(tenant: Tenant, caller: string): void {
    if (queue.delete(tenant)) queue.add(tenant)
    const requests = tenant.callers.get(caller)
    if (requests === undefined) return
    tenant.callers.delete(caller)
    tenant.callers.set(caller, requests)
  }

  function dequeue(tenant: Tenant, caller: string, grant: () => void): void {
    const requests = tenant.callers.get(caller)
    if (requests?.delete(grant) !== true) return
    tenant.queued -= 1
    if (requests.size === 0) tenant.callers.delete(caller)
    if (tenant.queued === 0) queue.delete(tenant)
  }

  function enqueue(tenant: Tenant, caller: string, signal: AbortSignal | undefined): Promise<Permit> {
    const requests = tenant.callers.get(caller) ?? new Set()
    if (tenant.queued >= maxQueuePerTenant || requests.size >= maxQueuePerCaller)
      return Promise.reject(new PermitDeniedError('QUEUE_FULL'))
    const { promise, resolve, reject } = Promise.withResolvers<Permit>()
    const leave = (reason: PermitDeniedError['reason']) => (): void => {
      stopWaiting()
      dequeue(tenant, caller, grant)
      forgetIdle(tenant)
      reject(new PermitDeniedError(reason))
    }
    const onAbort = leave('ABORTED')
    const timer = maxWait === undefined ? undefined : setTimeout(leave('TIMEOUT'), maxWait)
    const stopWaiting = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const grant = (): void => {
      stopWaiting()
      resolve(grantTo(tenant))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    tenant.callers.set(caller, requests.add(grant))
    tenant.queued += 1
    queue.add(tenant)
    return promise
  }

  /** A permit, if one is available now. */
  function tryAcquire({ tenant: name }: Pick<PermitRequest, 'tenant'>): Permit | undefined {
    const tenant = tenantOf(name)
    if (tenant.queued === 0 && mayHoldMore(tenant)) return grantTo(tenant)
    forgetIdle(tenant)
    return undefined
  }

  return {
    tryAcquire,
    /** @throws PermitDeniedError when the queue is full, or the request is aborted or queued for too long */
    acquire: (request: PermitRequest): Promise<Permit> => {
      const { tenant, caller = '', signal } = request
      if (signal?.aborted === true) return Promise.reject(new PermitDeniedError('ABORTED'))
      const permit = tryAcquire(request)
      return permit ? Promise.resolve(permit) : enqueue(tenantOf(tenant), caller, signal)
    },
  }
}
