import { isConflict, isLockTimeout, isMissingPartition, stateOf } from '@user-stats/prisma-events'
import type { Pool } from 'pg'
import { DomainError, isDatabaseUnavailable, runWorkload } from '@user-stats/core'
import { createLockedStores } from './locked-stores.ts'
import type { Partitions } from './partitions.ts'
import { createStoreQueues, type Entry } from './store-queues.ts'
import type { BatchItem, Outcome } from './write-batch.ts'
import { createWriter } from './writer.ts'

export interface IngestOptions {
  readonly pool: Pool
  /** Connections for writing batches only. */
  readonly writers: Pool
  readonly partitions: Partitions
  /** Events that may be queued; beyond it stores with more than their share of them are refused. */
  readonly queueLimit?: number | undefined
  /** Milliseconds until each event has its answer, whatever the database does. */
  readonly acknowledgeTimeout?: number
  /** Maximum events of one transaction. */
  readonly batchLimit?: number
  /** Concurrent transactions. While they commit, the next batches gather. */
  readonly concurrency?: number
  /**
   * Queued events required to begin a transaction concurrently with another: it would wait for the same
   * totals.
   */
  readonly minimumBatch?: number
  /**
   * Milliseconds after which a transaction counts as slow: events of other stores are written concurrently.
   */
  readonly slowAfter?: number
}

export type Ingest = ReturnType<typeof createIngest>

interface QueuedEvent extends Entry {
  readonly item: BatchItem
  readonly month: string
  readonly since: number
  readonly resolve: (outcome: Outcome) => void
}

const attempts = 5
/**
 * Approximate maximum characters of data in one transaction, shared by its stores: serialized in one turn.
 */
const batchCharacters = 2_097_152
const keyOf = ({ event }: BatchItem): string | undefined =>
  event.key === null ? undefined : `${String(event.storeId)}\0${event.key}`

const toFailure = (cause: unknown): DomainError =>
  new DomainError(isDatabaseUnavailable(cause) ? 'DATABASE_UNAVAILABLE' : 'INTERNAL_SERVER_ERROR', { cause })

/**
 * Group commit: events that arrive in one turn of the event loop, or while a batch is being written, form the
 * next batch, in which each store has its share. Events only wait for their own month or store: while a
 * partition is being created or a store is locked, those of other months and stores are written. Each is
 * acknowledged after its commit.
 */
export function createIngest({
  pool,
  writers,
  partitions,
  queueLimit = 20_000,
  acknowledgeTimeout = 12_000,
  batchLimit = 1_000,
  concurrency = 2,
  minimumBatch = 32,
  slowAfter = 250,
}: IngestOptions) {
  const writeBatch = createWriter({ pool: writers })
  /** Additional transactions allowed while others are slow. */
  const spareTransactions = Math.max(0, writers.options.max - concurrency)
  const queues = createStoreQueues<QueuedEvent>(queueLimit)
  const keysInFlight = new Set<string>()
  const monthsInMaking = new Set<string>()
  const locked = createLockedStores({ pool, onLooked: pump, isAwaited: () => queues.size() > 0 })
  let idle: (() => void)[] = []
  /** Batches in flight, each with its start time. */
  const inFlight = new Map<readonly QueuedEvent[], number>()
  let watch: NodeJS.Timeout | undefined
  let gathering: NodeJS.Immediate | undefined
  let slowTimer: NodeJS.Timeout | undefined

  /**
   * Answers events that have waited too long: queued ones are dropped; those in flight may still be recorded.
   * One timer for all, and none while nothing waits for long.
   */
  function answerOverdue(): void {
    const now = performance.now()
    const isOverdue = ({ since }: QueuedEvent): boolean => now - since >= acknowledgeTimeout
    const writing = [...inFlight.keys()].flat()
    for (const { resolve } of [...queues.remove(isOverdue), ...writing.filter(isOverdue)])
      resolve(new DomainError('DATABASE_UNAVAILABLE'))
    const left = [...queues.entries(), ...writing.filter((event) => !isOverdue(event))]
    const oldest = left.reduce((least, { since }) => Math.min(least, since), Infinity)
    watch =
      oldest === Infinity
        ? undefined
        : setTimeout(answerOverdue, oldest + acknowledgeTimeout - now + 1).unref()
    pump()
  }

  /** Stores with events in slow transactions: more of theirs would wait for the same rows. */
  function slowStores(): ReadonlySet<number> {
    const latest = performance.now() - slowAfter
    const slow = [...inFlight].filter(([, began]) => began <= latest)
    return new Set(slow.flatMap(([batch]) => batch.map(({ storeId }) => storeId)))
  }

  function makeMonth(month: string): void {
    if (monthsInMaking.has(month)) return
    monthsInMaking.add(month)
    partitions
      .ensure(month)
      .catch((error: unknown) => {
        for (const { resolve } of queues.remove((event) => event.month === month)) resolve(toFailure(error))
      })
      .finally(() => {
        monthsInMaking.delete(month)
        pump()
      })
  }

  /** Whether an event can be written now. A key is written by one batch at a time; its duplicates wait. */
  function claim({ month, item }: QueuedEvent): boolean {
    if (!partitions.has(month)) {
      makeMonth(month)
      return false
    }
    const key = keyOf(item)
    if (key === undefined) return true
    if (keysInFlight.has(key)) return false
    keysInFlight.add(key)
    return true
  }

  /**
   * Claims events of each store until their data has so many characters. Of two events with one key the
   * earlier one is recorded, so the later one waits for it.
   */
  function claimWithin(most: number): (event: QueuedEvent) => boolean {
    const taken = new Map<number, number>()
    const waitingKeys = new Set<string>()
    return (event) => {
      const { storeId, item } = event
      const key = keyOf(item)
      const characters = taken.get(storeId) ?? 0
      if (characters < most && (key === undefined || !waitingKeys.has(key)) && claim(event)) {
        taken.set(storeId, characters + item.event.json.length)
        return true
      }
      if (key !== undefined) waitingKeys.add(key)
      return false
    }
  }

  /** @returns events to write again */
  async function write(batch: readonly QueuedEvent[], attempt = 1): Promise<readonly QueuedEvent[]> {
    try {
      const outcomes = await writeBatch(batch.map(({ item }) => item))
      for (const [at, { resolve }] of batch.entries())
        resolve(outcomes[at] ?? new DomainError('INTERNAL_SERVER_ERROR', { cause: new Error('no outcome') }))
      return []
    } catch (error) {
      if (isLockTimeout(error)) return batch
      if (isConflict(error) && attempt < attempts) return await write(batch, attempt + 1)
      if (isMissingPartition(error) && attempt < attempts) {
        const months = new Set(batch.map(({ month }) => month))
        for (const month of months) partitions.forget(month)
        await Promise.all([...months].map(partitions.ensure))
        return await write(batch, attempts)
      }
      // One bad row must not fail the others: split the batch in halves until it is alone.
      if (/^2[23]/.test(stateOf(error)) && batch.length > 1) {
        const half = batch.length >> 1
        return [...(await write(batch.slice(0, half))), ...(await write(batch.slice(half)))]
      }
      for (const { resolve } of batch) resolve(toFailure(error))
      return []
    }
  }

  async function run(batch: readonly QueuedEvent[]): Promise<void> {
    inFlight.set(batch, performance.now())
    const again = await write(batch).catch((error: unknown) => {
      for (const { resolve } of batch) resolve(toFailure(error))
      return []
    })
    inFlight.delete(batch)
    for (const { item } of batch) {
      const key = keyOf(item)
      if (key !== undefined) keysInFlight.delete(key)
    }
    if (again.length > 0) {
      queues.putBack(again)
      await locked.look(again.map(({ storeId }) => storeId))
    }
    pump()
  }

  function pump(): void {
    while (queues.size() > 0) {
      const slow = slowStores()
      if (inFlight.size >= concurrency + (slow.size > 0 ? spareTransactions : 0)) break
      if (inFlight.size > 0 && slow.size === 0 && queues.size() < minimumBatch) break
      const isStoreReady = (storeId: number): boolean => !slow.has(storeId) && !locked.has(storeId)
      const batch = queues.take(batchLimit, isStoreReady, claimWithin(batchCharacters / queues.stores()))
      if (batch.length === 0) break
      void runWorkload(undefined, () => run(batch))
    }
    if (inFlight.size > 0 && inFlight.size < concurrency + spareTransactions && queues.size() > 0)
      slowTimer ??= setTimeout(() => {
        slowTimer = undefined
        pump()
      }, slowAfter).unref()
    if (inFlight.size === 0 && queues.size() === 0) {
      for (const done of idle) done()
      idle = []
    }
  }

  /** Whether the queue is full for the stores of some events. */
  function isFull(items: readonly BatchItem[]): boolean {
    const [first] = items
    // Almost all requests concern one store.
    if (first !== undefined && items.every(({ event }) => event.storeId === first.event.storeId))
      return queues.isFull(first.event.storeId, items.length)
    return [...Map.groupBy(items, ({ event }) => event.storeId)].some(([storeId, own]) =>
      queues.isFull(storeId, own.length),
    )
  }

  return {
    /**
     * Writes events, in any number of batches.
     *
     * @returns an outcome for each, in order
     * @throws QUEUE_FULL when not all of them fit; an outcome is DATABASE_UNAVAILABLE when it is not known in
     *   time
     */
    record(items: readonly BatchItem[]): Promise<Outcome[]> {
      // Requests later in this turn only free capacity.
      if (isFull(items)) pump()
      if (isFull(items)) return Promise.reject(new DomainError('QUEUE_FULL'))
      const since = performance.now()
      const outcomes = items.map((item) => {
        const { storeId, occurredAt } = item.event
        const { promise, resolve } = Promise.withResolvers<Outcome>()
        queues.push({ storeId, item, month: partitions.monthOf(occurredAt), since, resolve })
        return promise
      })
      watch ??= setTimeout(answerOverdue, acknowledgeTimeout).unref()
      gathering ??= setImmediate(() => {
        gathering = undefined
        pump()
      })
      return Promise.all(outcomes)
    },
    /** Number of queued events. */
    queued: queues.size,
    /** Resolves when all accepted events are written. */
    drained: (): Promise<void> =>
      inFlight.size === 0 && queues.size() === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idle.push(resolve)
          }),
  }
}
