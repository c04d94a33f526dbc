import { rm } from 'node:fs/promises'
import { createParameters } from '../query/sql-parameters.ts'
import type { Snapshot } from '../query/snapshot.ts'
import type { ColumnarProcess } from './columnar-process.ts'
import { DeclinedError } from './declined.ts'
import type { Segment, SegmentFiles } from './segment-files.ts'

/** Which events are wanted, with columns for which paths of `data` (as JSON). */
export interface DaysWanted {
  /** Null: all of them. */
  readonly stores: readonly number[] | null
  /** The first UTC day; null: from the beginning. */
  readonly from: string | null
  /** The last UTC day. */
  readonly to: string
  readonly paths: readonly string[]
}

/** A day of a store as a snapshot of the database has it. */
export interface DayRow {
  readonly store_id: number
  readonly day: string
  readonly version: string
  readonly removal: string
  readonly events: string
  readonly server: string
}

/** A day, what is kept of it, and how many events have to be read before it may be used. */
export interface DayState {
  readonly row: DayRow
  readonly segment: Segment | null
  readonly use: 'as it is' | 'with new events' | 'from the beginning'
  readonly missing: number
}

/**
 * Ids are given before transactions commit: so far below the highest known one, unknown ones are looked for.
 */
const idSlack = 10_000
/** Files of one day, at most; they are merged then. */
const maxFiles = 8
const maxPaths = 16
/** Days that are read at the same time. */
const parallel = 2

/** The days of a range that have events, with their versions in this snapshot. */
export async function readDays(snapshot: Snapshot, wanted: DaysWanted, maxDays: number): Promise<DayRow[]> {
  const parameters = createParameters()
  const { add } = parameters
  const scope = wanted.stores === null ? 'true' : `store_id = ANY (${add(wanted.stores)}::int[])`
  const rows = await snapshot.rows<DayRow>(
    `SELECT store_id, day::text, version, removal, events::text, (
       SELECT extract(epoch FROM pg_postmaster_start_time()) || ' ' || oid FROM pg_database
       WHERE datname = current_database()
     ) AS server
     FROM day_totals WHERE ${scope}
       AND day >= coalesce(${add(wanted.from)}::date, '-infinity') AND day <= ${add(wanted.to)}::date
     ORDER BY store_id, day DESC LIMIT ${add(maxDays + 1)}::int`,
    parameters,
  )
  if (rows.length > maxDays) throw new DeclinedError('too many days of stores')
  return rows
}

/** Compares the days of a snapshot with what is kept. */
export async function compareDays(
  files: SegmentFiles,
  rows: readonly DayRow[],
  paths: readonly string[],
): Promise<DayState[]> {
  const states: DayState[] = []
  for (const [storeId, days] of Map.groupBy(rows, ({ store_id }) => store_id)) {
    const segments = await files.list(storeId)
    for (const row of days) states.push(stateOf(row, segments.get(row.day) ?? null, paths))
  }
  return states
}

function stateOf(row: DayRow, segment: Segment | null, paths: readonly string[]): DayState {
  const events = Number(row.events)
  if (segment === null || !paths.every((path) => segment.paths.includes(path)))
    return { row, segment, use: 'from the beginning', missing: events }
  if (segment.version === row.version && segment.events === events)
    return { row, segment, use: 'as it is', missing: 0 }
  const grown = segment.removal === row.removal && segment.server === row.server && segment.events < events
  return grown
    ? { row, segment, use: 'with new events', missing: events - segment.events }
    : { row, segment, use: 'from the beginning', missing: events }
}

export interface RefreshDeps {
  readonly files: SegmentFiles
  readonly process: ColumnarProcess
}

/** Deletes a draft, and what a process that crashed may have left of it. */
async function discard(target: string): Promise<void> {
  await rm(target, { force: true })
  await rm(`${target}.csv`, { force: true })
}

/** Reads from a snapshot what is not kept of some days. @returns the segments of all of them */
export async function refreshSegments(
  { files, process }: RefreshDeps,
  snapshot: Snapshot,
  states: readonly DayState[],
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Segment[]> {
  if (states.every(({ use }) => use === 'as it is')) return states.flatMap(({ segment }) => segment ?? [])
  const [exported] = await snapshot.rows<{ id: string }>(
    'SELECT pg_export_snapshot() AS id',
    createParameters(),
  )
  const snapshotId = exported?.id ?? ''

  async function readAll({ row, segment }: DayState): Promise<Segment> {
    const all = [...new Set([...paths, ...(segment?.paths ?? [])])].slice(0, Math.max(maxPaths, paths.length))
    const target = files.draft()
    try {
      const task = {
        snapshot: snapshotId,
        storeId: row.store_id,
        day: row.day,
        paths: all,
        known: null,
        target,
      }
      const built = await process.build({ kind: 'build', ...task }, signal)
      if (built.events !== Number(row.events))
        throw new Error(`the total of a day is ${row.events}, but it has ${String(built.events)} events`)
      return await files.install(segmentOf(row, all, built.lastId), [], target)
    } finally {
      await discard(target)
    }
  }

  /** Null when the events that are known and the new ones are not all there are. */
  async function addNew({ row }: DayState, segment: Segment): Promise<Segment | null> {
    await using known = files.open([segment])
    const [target, merged] = [files.draft(), files.draft()]
    try {
      const afterId = String(Math.max(0, Number(segment.lastId) - idSlack))
      const built = await process.build(
        {
          kind: 'build',
          snapshot: snapshotId,
          storeId: row.store_id,
          day: row.day,
          paths: segment.paths,
          known: { files: known.files, afterId },
          target,
        },
        signal,
      )
      // Nothing was removed and the count is right, so nothing is missing.
      if (segment.events + built.events !== Number(row.events)) return null
      const lastId = String(Math.max(Number(segment.lastId), Number(built.lastId ?? 0)))
      const grown = segmentOf(row, segment.paths, lastId)
      if (segment.files.length < maxFiles) return await files.install(grown, segment.files, target)
      await process.merge({ kind: 'merge', files: [...known.files, target], target: merged }, signal)
      return await files.install(grown, [], merged)
    } finally {
      await discard(target)
      await discard(merged)
    }
  }

  async function refresh(state: DayState): Promise<Segment> {
    const { segment, use } = state
    if (segment !== null && use === 'as it is') return segment
    const grown = segment !== null && use === 'with new events' ? await addNew(state, segment) : null
    return grown ?? (await readAll(state))
  }

  const segments: Segment[] = []
  const left = states.values()
  const work = async (): Promise<void> => {
    for (const state of left) segments.push(await refresh(state))
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return segments
}

const segmentOf = (row: DayRow, paths: readonly string[], lastId: string | null): Omit<Segment, 'files'> => ({
  storeId: row.store_id,
  day: row.day,
  version: row.version,
  removal: row.removal,
  server: row.server,
  events: Number(row.events),
  lastId: lastId ?? '0',
  paths,
})
