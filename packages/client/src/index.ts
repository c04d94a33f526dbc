import { createGateway, RejectedError, UnavailableError, type Fault } from './gateway.ts'
import { openOutbox } from './outbox.ts'
import { localStorage, platform, privacySignal, randomId } from './platform.ts'
import type { Client, ClientOptions, EventCatalogue, QueuedEvent } from './types.ts'

export type {
  Client,
  ClientOptions,
  EcommerceEvents,
  EventCatalogue,
  Item,
  QueuedEvent,
  TrackOptions,
} from './types.ts'

const visitorName = 'user-stats-visitor'
const optedOutName = 'user-stats-opted-out'
/** Bytes of a request: a browser sends no more while it leaves a page. */
const maxBytes = 60_000
const maxPause = 60_000
const bytesOf = (event: QueuedEvent): number => new TextEncoder().encode(JSON.stringify(event)).length + 50
/** The first events that fit into a request; one that is too large goes alone. */
function within(events: readonly QueuedEvent[]): readonly QueuedEvent[] {
  let bytes = 0
  return events.filter((event, at) => (bytes += bytesOf(event)) < maxBytes || at === 0)
}

/** The event is recorded, or was: sending it again would not change that. */
const known = new Set(['IDEMPOTENCY_KEY_REUSED', 'EVENT_ERASED', 'USER_ERASED'])
/** The gateway could not write this event now. */
const temporary = new Set([
  'DATABASE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
  'OVERLOADED',
  'QUEUE_FULL',
  'SERVICE_UNAVAILABLE',
  'SUBGRAPH_UNAVAILABLE',
  'TIMEOUT',
])

/**
 * Sends events to the gateway: in batches, again until they are acknowledged, each counted once. In a browser
 * events that wait survive reloads and times without a network.
 */
export function createClient<Events extends EventCatalogue = EventCatalogue>({
  url,
  key,
  batchSize = 100,
  interval = 2_000,
  maxQueue = 1_000,
  anonymousId = 'memory',
  doNotTrack = privacySignal(),
  onError = () => undefined,
}: ClientOptions): Client<Events> {
  const gateway = createGateway(url, key)
  const outbox = openOutbox(`user-stats ${url}`)
  const storage = anonymousId === 'local' ? localStorage() : undefined
  let queue: QueuedEvent[] = []
  let visitor = storage?.getItem(visitorName) ?? newVisitor()
  let user: string | undefined
  let off = doNotTrack || localStorage()?.getItem(optedOutName) === '1'
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let sending: Promise<boolean> | undefined

  function newVisitor(): string {
    const id = randomId()
    storage?.setItem(visitorName, id)
    return id
  }

  function forget(events: readonly QueuedEvent[]): void {
    const done = new Set(events)
    queue = queue.filter((event) => !done.has(event))
    outbox.remove(events)
  }

  function schedule(milliseconds: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), milliseconds)
    // Node ends although events wait: that is what `shutdown` is for.
    if (typeof timer === 'object') timer.unref()
  }

  /** Removes finished events from the queue: all but those that could not be written now. */
  function applyResult(batch: readonly QueuedEvent[], faults: readonly Fault[]): void {
    const later = new Set(faults.filter(({ code }) => temporary.has(code)).map(({ line }) => batch[line - 1]))
    forget(batch.filter((event) => !later.has(event)))
    for (const { line, code, message } of faults) {
      const event = batch[line - 1]
      if (event !== undefined && !later.has(event) && !known.has(code))
        onError(new RejectedError(message), [event])
    }
    if (later.size > 0) throw new UnavailableError('some events could not be written')
  }

  /** @returns whether the batch is finished */
  async function sendBatch(keepalive: boolean): Promise<boolean> {
    const batch = within(queue.slice(0, batchSize))
    try {
      applyResult(batch, await gateway.send(batch, keepalive))
      failures = 0
      return true
    } catch (error) {
      if (error instanceof UnavailableError) {
        failures += 1
        const pause = Math.min(maxPause, 1_000 * 2 ** failures) * (0.5 + Math.random() / 2)
        schedule(Math.max(pause, error.retryAfter))
        return false
      }
      forget(batch)
      onError(error instanceof Error ? error : new Error(String(error)), batch)
      return true
    }
  }

  async function sendAll(): Promise<boolean> {
    await restored
    while (queue.length > 0) if (!(await sendBatch(false))) return false
    return true
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    sending ??= sendAll().finally(() => (sending = undefined))
    await sending
  }

  /**
   * The page may be closed: sends queued events in a request that outlives it. Repeats are not counted twice.
   */
  function leave(): void {
    if (!gateway.ready()) return
    const batch = within(queue)
    if (batch.length === 0) return
    gateway
      .send(batch, true)
      .then((faults) => {
        applyResult(batch, faults)
      })
      // They stay in the outbox.
      .catch(() => undefined)
  }

  /** Events of pages before this one come first. */
  const restored = outbox.all().then((events) => {
    if (off) return
    const here = new Set(queue.map(({ idempotency_key }) => idempotency_key))
    queue = [...events.filter(({ idempotency_key }) => !here.has(idempotency_key)), ...queue]
    if (events.length > 0) schedule(0)
  })

  platform.document?.addEventListener('visibilitychange', () => {
    if (platform.document?.visibilityState === 'hidden') leave()
  })
  platform.addEventListener?.('pagehide', leave)
  platform.addEventListener?.('online', () => void flush())

  return {
    track(
      type,
      data,
      { userId = user ?? visitor, occurredAt = new Date(), idempotencyKey = randomId() } = {},
    ) {
      if (off || closed) return
      const event: QueuedEvent = {
        type,
        user_id: userId,
        ...(data !== undefined && { data }),
        occurred_at: occurredAt.toISOString(),
        idempotency_key: idempotencyKey,
      }
      queue.push(event)
      outbox.add(event)
      if (queue.length > maxQueue) {
        const dropped = queue.slice(0, queue.length - maxQueue)
        forget(dropped)
        onError(new Error('too many events wait: the oldest are dropped'), dropped)
      }
      if (failures > 0) return
      if (queue.length >= batchSize) schedule(0)
      else if (timer === undefined) schedule(interval)
    },
    identify(userId) {
      user = userId
    },
    reset() {
      user = undefined
      visitor = newVisitor()
    },
    flush,
    async shutdown() {
      closed = true
      await flush()
      clearTimeout(timer)
    },
    optOut() {
      off = true
      queue = []
      outbox.clear()
      localStorage()?.setItem(optedOutName, '1')
      storage?.removeItem(visitorName)
    },
    optIn() {
      off = doNotTrack
      localStorage()?.removeItem(optedOutName)
    },
  }
}
