import type { Pool } from 'pg'
import type { Logger } from '@user-stats/http'
import type { Snapshot } from '../query/snapshot.ts'
import { createBackgroundBuild, type OpenSnapshot } from './background-build.ts'
import { createColumnarProcess, launchProcess } from './columnar-process.ts'
import { DeclinedError } from './declined.ts'
import type { Row } from './protocol.ts'
import { compareDays, readDays, refreshSegments, type DaysWanted } from './refresh-segments.ts'
import { openSegmentFiles } from './segment-files.ts'

export interface ColumnarOptions {
  readonly pool: Pool
  readonly log: Logger
  readonly clock: () => Date
  readonly databaseUrl: string
  /** Where segments are kept. */
  readonly dir: string
  readonly maxBytes: number
  /** Questions about fewer events are left to PostgreSQL, which has answered before a process has started. */
  readonly minEvents?: number
  /** Events that one question may read from PostgreSQL; more are read in the background. */
  readonly maxRead?: number
  readonly launch?: typeof launchProcess
}

/** Days of stores in one question. */
const maxDays = 5_000
/** Events that are read in one step in the background. */
const eventsOfStep = 500_000
/** Of the bytes there may be, those that are filled in the background. */
const filled = 0.9
/** Milliseconds between two searches for segments that are out of date: other replicas remove events, too. */
const sweepInterval = 60_000

/** What one analysis reads; nothing is kept of stores from which events are removed meanwhile. */
export interface ColumnarSession extends AsyncDisposable {
  /** Runs work over the files of the days that are wanted. @throws DeclinedError */
  readonly read: <T>(snapshot: Snapshot, wanted: DaysWanted, work: Work<T>) => Promise<T>
}

type Work<T> = (
  files: readonly string[],
  run: (text: string, values: readonly string[]) => Promise<Row[]>,
) => Promise<T>

export type ColumnarStore = Awaited<ReturnType<typeof openColumnarStore>>

/**
 * Segments of events by store and day, which are refreshed whenever they are read, and the engine that reads
 * them.
 */
export async function openColumnarStore({
  pool,
  log,
  clock,
  databaseUrl,
  dir,
  maxBytes,
  minEvents = 100_000,
  maxRead = 1_000_000,
  launch = launchProcess,
}: ColumnarOptions) {
  const files = await openSegmentFiles({ dir, maxBytes })
  const process = createColumnarProcess({ databaseUrl, drafts: files.drafts, key: files.key }, launch)
  const sessions = new Set<{
    stores: readonly number[] | null
    controller: AbortController
    running: Set<Promise<unknown>>
  }>()
  const counts = { answered: 0, left: 0, failed: 0 }
  let sweeping: Promise<void> = Promise.resolve()

  async function removeStale(storeId: number): Promise<void> {
    const segments = await files.list(storeId)
    if (segments.size === 0) return
    const { rows } = await pool.query<{ day: string; removal: string }>(
      `SELECT d.day::text, d.removal FROM day_totals d
       LEFT JOIN retention own ON own.store_id = d.store_id LEFT JOIN retention every ON every.store_id = 0
       WHERE d.store_id = $1 AND d.day >= coalesce(greatest(own.raw_from, every.raw_from), '-infinity')`,
      [storeId],
    )
    const removals = new Map(rows.map(({ day, removal }) => [day, removal]))
    for (const segment of segments.values())
      if (removals.get(segment.day) !== segment.removal) await files.remove(segment)
  }

  async function sweep(): Promise<void> {
    for (const storeId of await files.stores()) await removeStale(storeId)
  }

  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep).catch((error: unknown) => {
      log.warn({ err: error }, 'segments that are out of date were not deleted')
    })
  }, sweepInterval)
  timer.unref()

  /** What reads and writes segments of some stores until events are removed from one of them. */
  function openSession(stores: readonly number[] | null) {
    const session = { stores, controller: new AbortController(), running: new Set<Promise<unknown>>() }
    sessions.add(session)
    return {
      signal: session.controller.signal,
      async run<T>(work: () => Promise<T>): Promise<T> {
        if (session.controller.signal.aborted) throw new DeclinedError('events were removed')
        const running = work()
        session.running.add(running)
        try {
          return await running
        } finally {
          session.running.delete(running)
        }
      },
      async [Symbol.asyncDispose]() {
        session.controller.abort()
        await Promise.allSettled(session.running)
        sessions.delete(session)
      },
    }
  }

  /** Some of the days that are not kept. @returns how many are left */
  async function buildSome(
    storeId: number,
    to: string,
    paths: readonly string[],
    open: OpenSnapshot,
  ): Promise<number> {
    if (files.bytes() > maxBytes * filled) return 0
    await using session = openSession([storeId])
    const building = session.run(() =>
      open(async (snapshot) => {
        const rows = await readDays(snapshot, { stores: [storeId], from: null, to, paths }, maxDays)
        const states = (await compareDays(files, rows, paths)).filter(({ missing }) => missing > 0)
        let events = 0
        const chosen = states.filter(({ missing }, at) => {
          events += missing
          return at === 0 || events <= eventsOfStep
        })
        await refreshSegments({ files, process }, snapshot, chosen, paths, session.signal)
        return states.length - chosen.length
      }, session.signal),
    )
    return await building.catch((cause: unknown) => {
      throw session.signal.aborted ? new DeclinedError('events were removed', { cause }) : cause
    })
  }

  const background = createBackgroundBuild({ pool, log, clock, build: buildSome })
  await sweep()

  return {
    bytes: files.bytes,
    segments: files.count,
    daysLeft: background.daysLeft,
    /** How many questions were answered, left to PostgreSQL by rule, and failed. */
    counts,
    /** Reads the closed days of a store that are not kept. */
    async buildClosedDays(storeId: number): Promise<void> {
      background.enqueue(storeId, [])
      await background.idle()
    },
    /** To be called before the snapshot is taken. @param stores null: all of them */
    session(stores: readonly number[] | null): ColumnarSession {
      const session = openSession(stores)

      /** @param attempts how often it may be tried when files are replaced before they are opened */
      async function readNow<T>(
        snapshot: Snapshot,
        wanted: DaysWanted,
        work: Work<T>,
        attempts = 3,
      ): Promise<T> {
        const signal = AbortSignal.any([
          session.signal,
          snapshot.signal,
          AbortSignal.timeout(snapshot.timeLeft()),
        ])
        const rows = await readDays(snapshot, wanted, maxDays)
        const events = rows.reduce((sum, row) => sum + Number(row.events), 0)
        if (events < minEvents) throw new DeclinedError('few events')
        const states = await compareDays(files, rows, wanted.paths)
        const missing = states.reduce((sum, state) => sum + state.missing, 0)
        if (missing > maxRead) throw new DeclinedError('too many events are not in segments yet')
        const segments = await refreshSegments({ files, process }, snapshot, states, wanted.paths, signal)
        await using open = files.open(segments)
        try {
          const result = await work(open.files, (text, values) =>
            process.query({ kind: 'query', text, values }, signal),
          )
          counts.answered += 1
          return result
        } catch (error) {
          if ((await files.check(segments)) || attempts === 1 || signal.aborted) throw error
        }
        return await readNow(snapshot, wanted, work, attempts - 1)
      }

      return {
        read: async (snapshot, wanted, work) => {
          try {
            return await session.run(() => readNow(snapshot, wanted, work))
          } catch (cause) {
            const error = session.signal.aborted ? new DeclinedError('events were removed', { cause }) : cause
            if (!snapshot.signal.aborted) counts[error instanceof DeclinedError ? 'left' : 'failed'] += 1
            throw error
          } finally {
            for (const storeId of wanted.stores ?? []) background.enqueue(storeId, wanted.paths)
          }
        },
        [Symbol.asyncDispose]: session[Symbol.asyncDispose],
      }
    },
    /** Deletes what is out of date of a store from which events have been removed; nothing brings it back. */
    async evict(storeId: number): Promise<void> {
      for (const { stores, controller, running } of sessions)
        if (stores?.includes(storeId) ?? true) {
          controller.abort()
          await Promise.allSettled(running)
        }
      await removeStale(storeId)
    },
    /** Deletes all that is out of date. */
    sweep,
    async close(): Promise<void> {
      clearInterval(timer)
      await background.stop()
      await sweeping
      process.close()
      await files.close()
    },
  }
}
