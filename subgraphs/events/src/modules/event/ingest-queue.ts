import type { Pool } from 'pg'
import { DomainError, isDatabaseUnavailable, runWorkload } from '@user-stats/core'
import type { BatchItem, Outcome } from './write-batch.ts'
import { createWriter } from './writer.ts'

export interface IngestOptions {
  readonly pool: Pool
  /** Makes sure that the partitions of the items' months are there. */
  readonly ensureMonths: (instants: readonly Date[]) => Promise<void>
  /** Events that may wait; beyond it callers are told to come back. */
  readonly queueLimit: number
  /** Milliseconds until each event has its answer, whatever the database does. */
  readonly patience?: number
  /** Events of one transaction at most. */
  readonly batchLimit?: number
  /** Transactions at once. While they commit, the next batches gather. */
  readonly lanes?: number
  /** Events that must wait before another transaction begins beside one: its totals wait for the other's anyway. */
  readonly crowd?: number
  /** Milliseconds until a transaction counts as held up, by a lock or its connection: other stores go past it. */
  readonly heldUp?: number
}

export type Ingest = ReturnType<typeof createIngest>

interface Waiting {
  readonly item: BatchItem
  readonly since: number
  readonly settle: (outcome: Outcome) => void
}

const attempts = 5
const keyOf = ({ event }: BatchItem): string | undefined =>
  event.key === null ? undefined : `${String(event.storeId)}\0${event.key}`

const stateOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/**
 * Group commit: events that arrive in one turn of the event loop, or while a batch is being written, form the next
 * batch. Nothing waits for a timer, but behind another store's batch that is held up. Each is acknowledged after its
 * commit.
 */
export function createIngest({
  pool,
  ensureMonths,
  queueLimit,
  patience = 12_000,
  batchLimit = 1_000,
  lanes = 2,
  crowd = 32,
  heldUp = 250,
}: IngestOptions) {
  const writeBatch = createWriter({ pool })
  let queue: Waiting[] = []
  const keysInFlight = new Set<string>()
  let busy = 0
  let idle: (() => void)[] = []
  /** Each with its beginning. */
  const underWay = new Map<readonly Waiting[], number>()
  let watch: NodeJS.Timeout | undefined
  let gathering: NodeJS.Immediate | undefined
  let passing: NodeJS.Timeout | undefined

  /**
   * Answers what has waited long enough: what still waits is not recorded any more; what is being written may yet
   * be. One timer for all, and none while nothing waits for long.
   */
  function answerOverdue(): void {
    const now = performance.now()
    const overdue = ({ since }: Waiting): boolean => now - since >= patience
    const given = queue.filter(overdue)
    if (given.length > 0) queue = queue.filter((waiting) => !overdue(waiting))
    for (const { settle } of [...given, ...[...underWay.keys()].flat().filter(overdue)])
      settle(new DomainError('DATABASE_UNAVAILABLE'))
    const oldest = [...queue, ...[...underWay.keys()].flat().filter((waiting) => !overdue(waiting))].reduce(
      (least, { since }) => Math.min(least, since),
      Infinity,
    )
    watch = oldest === Infinity ? undefined : setTimeout(answerOverdue, oldest + patience - now + 1).unref()
    pump()
  }

  /** Stores whose events are in transactions that are held up: more of theirs would only wait beside them. */
  function heldStores(): ReadonlySet<number> {
    const latest = performance.now() - heldUp
    const held = [...underWay].filter(([, began]) => began <= latest)
    return new Set(held.flatMap(([batch]) => batch.map(({ item }) => item.event.storeId)))
  }

  /** Takes the next batch. A key is written once at a time; its repeats wait until it is. */
  function take(held: ReadonlySet<number>): Waiting[] {
    const batch: Waiting[] = []
    const later: Waiting[] = []
    let at = 0
    for (; at < queue.length && batch.length < batchLimit; at += 1) {
      const waiting = queue[at]
      if (waiting === undefined) break
      const key = keyOf(waiting.item)
      if (held.has(waiting.item.event.storeId) || (key !== undefined && keysInFlight.has(key)))
        later.push(waiting)
      else {
        if (key !== undefined) keysInFlight.add(key)
        batch.push(waiting)
      }
    }
    queue = [...later, ...queue.slice(at)]
    return batch
  }

  async function write(batch: readonly Waiting[], attempt = 1): Promise<void> {
    try {
      await ensureMonths(batch.map(({ item }) => item.event.occurredAt))
      const outcomes = await writeBatch(batch.map(({ item }) => item))
      for (const [at, { settle }] of batch.entries())
        settle(outcomes[at] ?? new DomainError('INTERNAL_SERVER_ERROR', { cause: new Error('no outcome') }))
    } catch (error) {
      const state = stateOf(error)
      // Deadlock or serialization failure: nothing was written.
      if (state.startsWith('40') && attempt < attempts) {
        await write(batch, attempt + 1)
        return
      }
      // One bad row must not fail its neighbours: halve until it stands alone.
      if (/^2[23]/.test(state) && batch.length > 1) {
        const half = batch.length >> 1
        await write(batch.slice(0, half))
        await write(batch.slice(half))
        return
      }
      const told = isDatabaseUnavailable(error)
        ? new DomainError('DATABASE_UNAVAILABLE', { cause: error })
        : new DomainError('INTERNAL_SERVER_ERROR', { cause: error })
      for (const { settle } of batch) settle(told)
    }
  }

  async function run(batch: readonly Waiting[]): Promise<void> {
    underWay.set(batch, performance.now())
    await write(batch)
    underWay.delete(batch)
    for (const { item } of batch) {
      const key = keyOf(item)
      if (key !== undefined) keysInFlight.delete(key)
    }
    busy -= 1
    pump()
  }

  function pump(): void {
    while (busy < lanes && queue.length > 0) {
      const held = heldStores()
      if (busy > 0 && held.size === 0 && queue.length < crowd) break
      const batch = take(held)
      if (batch.length === 0) break
      busy += 1
      void runWorkload(undefined, () => run(batch))
    }
    if (busy > 0 && busy < lanes && queue.length > 0)
      passing ??= setTimeout(() => {
        passing = undefined
        pump()
      }, heldUp).unref()
    if (busy === 0 && queue.length === 0) {
      for (const done of idle) done()
      idle = []
    }
  }

  return {
    /**
     * Writes events, in whatever batches they end up in.
     *
     * @returns an outcome for each, in order
     * @throws QUEUE_FULL when there is no room for all of them; an outcome is DATABASE_UNAVAILABLE when it is not
     *   known in time
     */
    record(items: readonly BatchItem[]): Promise<Outcome[]> {
      const isFull = (): boolean => queue.length + items.length > queueLimit
      // What waits for the end of this turn only makes room.
      if (isFull()) pump()
      if (isFull()) return Promise.reject(new DomainError('QUEUE_FULL'))
      const since = performance.now()
      const outcomes = items.map(
        (item) =>
          new Promise<Outcome>((settle) => {
            queue.push({ item, since, settle })
          }),
      )
      watch ??= setTimeout(answerOverdue, patience).unref()
      gathering ??= setImmediate(() => {
        gathering = undefined
        pump()
      })
      return Promise.all(outcomes)
    },
    /** Events that wait to be written. */
    waiting: (): number => queue.length,
    /** Resolves once everything accepted is written. */
    drained: (): Promise<void> =>
      busy === 0 && queue.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idle.push(resolve)
          }),
  }
}
