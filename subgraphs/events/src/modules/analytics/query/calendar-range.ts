import { badInput, dayMs } from '@user-stats/core'
import type { EventFilter } from './filter.ts'
import { nameOf, type PeriodName, type Unit } from './period-label.ts'
import { dayOf } from './rollups.ts'
import { createParameters } from './sql-parameters.ts'
import type { Snapshot } from './snapshot.ts'
import { unknownTimeZone } from './time-zone.ts'

/** The bounds of a range and its parts, in milliseconds since 1970. */
export interface Range {
  /** The instant of the snapshot. */
  readonly asOf: Date
  /** Ascending: the start of each part, and the end of the last. */
  readonly bounds: readonly number[]
  /** The calendar's name of each part. */
  readonly names: readonly PeriodName[]
  /** The previous range: moved back by whole units so that it ends no later than the range begins. */
  readonly previous: Pick<Range, 'bounds' | 'names'>
}

const earliest = Date.UTC(1900, 0, 1)
const latest = Date.UTC(2200, 0, 1)

/** The times of a filter, with the end of today as the default end. */
export interface RequestedRange {
  readonly from: Date | null
  readonly fromDay: string | null
  readonly to: Date | null
  readonly toDay: string | null
}

const today = (now: Date, timeZone: string): string =>
  // In this locale, dates have the format of ISO 8601.
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(now)
const nextDay = (day: string): string => new Date(Date.parse(day) + dayMs).toISOString().slice(0, 10)

/**
 * Validates the times of a filter.
 *
 * @param maxDays the longest range
 * @throws BAD_USER_INPUT naming the field and the limit
 */
export function parseRange(
  filter: EventFilter,
  timeZone: string,
  now: Date,
  maxDays: number,
): RequestedRange {
  const { from = null, fromDay = null, to = null } = filter
  if ((from === null) === (fromDay === null))
    throw badInput('filter.from', 'either from or fromDay is required, not both')
  if (to !== null && filter.toDay != null)
    throw badInput('filter.to', 'must not be given together with toDay')
  const toDay = filter.toDay ?? (to === null ? nextDay(today(now, timeZone)) : null)
  const start = from?.getTime() ?? Date.parse(fromDay ?? '')
  const end = to?.getTime() ?? Date.parse(toDay ?? '')
  if (start < earliest || end > latest)
    throw badInput('filter.from', 'must be from 1900 on, and the end before 2200')
  // An instant and a day can be compared only once the day's own instant is known.
  const comparable = (from === null) === (to === null)
  if (comparable ? end <= start : end <= start - dayMs) throw emptyRange()
  // A month with a change of the clock may be some hours longer.
  if (end - start > maxDays * dayMs + dayMs / 4)
    throw badInput(
      'filter.to',
      `a range has at most ${maxDays.toLocaleString('en')} days here; request less, or a coarser granularity`,
    )
  return { from, fromDay, to, toDay }
}

/**
 * The UTC days that a range and its previous period can touch, in any time zone.
 *
 * @param compare whether it is compared with the previous range
 */
export function daysAround(
  { from, fromDay, to, toDay }: RequestedRange,
  compare = false,
): { from: string; to: string } {
  const start = from?.getTime() ?? Date.parse(fromDay ?? '')
  const end = to?.getTime() ?? Date.parse(toDay ?? '')
  const first = compare ? start - (end - start) : start
  return { from: dayOf(first - dayMs), to: dayOf(end + dayMs) }
}

/** The first instant whose local time is not before `local`: exact even where clocks change at midnight. */
const instantOf = (local: string): string =>
  `(SELECT min(greatest(s.start, (${local} - s.shift) AT TIME ZONE 'UTC')) FROM segments s
    WHERE (${local} - s.shift) AT TIME ZONE 'UTC' < s.stop)`

/**
 * Hours follow the clock within each segment, and end where the clock changes. Other parts follow the
 * calendar; of several that begin at the same instant, the clock skipped all but the last.
 */
const startsSql = (unit: Unit): string =>
  unit === 'hour'
    ? `SELECT s.start AS t, NULL::timestamp AS unit_start FROM segments s
       UNION SELECT (h - s.shift) AT TIME ZONE 'UTC', NULL
       FROM range, segments s, generate_series(
         date_trunc('hour', greatest(s.start, range.low) AT TIME ZONE 'UTC' + s.shift),
         least(s.stop, range.high) AT TIME ZONE 'UTC' + s.shift, '1 hour') h
       WHERE (h - s.shift) AT TIME ZONE 'UTC' > s.start AND (h - s.shift) AT TIME ZONE 'UTC' < s.stop`
    : `SELECT ${instantOf('d')} AS t, d AS unit_start
       FROM range, generate_series(
         date_trunc($6::text, range.low AT TIME ZONE $1), (range.high AT TIME ZONE $1) + interval '1 day',
         ('1 ' || $6)::interval) d`

/** Bounds, their local times, and the starts of their units: three rows of milliseconds since 1970. */
const boundsSql = (instant: string, unitStart: string): string =>
  `ARRAY[${[instant, `${instant} AT TIME ZONE $1`, unitStart]
    .map((time) => `array_agg((extract(epoch FROM ${time}) * 1000)::float8 ORDER BY t)`)
    .join(', ')}]`

const movedSql = (unit: Unit): string =>
  unit === 'hour'
    ? `b.t - ceil(extract(epoch FROM range.high - range.low) / 3600)::int * interval '1 hour'`
    : instantOf(`((b.t AT TIME ZONE $1) - (SELECT count FROM moved) * ('1 ' || $6)::interval)`)

/**
 * The zone's offset is compared from day to day around the range; where it differs, the second of the change
 * is found by bisection. Between two changes lies a segment, in which local time is UTC plus a constant.
 */
const rangeSql = (unit: Unit): string => `
WITH RECURSIVE requested AS (
  SELECT coalesce($2::timestamptz, $3::date::timestamp AT TIME ZONE 'UTC' - interval '24 hours') AS low,
         coalesce($4::timestamptz, $5::date::timestamp AT TIME ZONE 'UTC' + interval '24 hours') AS high
), samples AS MATERIALIZED (
  SELECT t, (t AT TIME ZONE $1) - (t AT TIME ZONE 'UTC') AS shift
  FROM requested, generate_series(
    date_trunc('hour', low - (high - low) - ('1 ' || $6)::interval - interval '7 days', 'UTC'),
    high + interval '48 hours', interval '24 hours') t
), turned AS (
  SELECT a, b, old FROM (
    SELECT lag(t) OVER (ORDER BY t) AS a, t AS b, lag(shift) OVER (ORDER BY t) AS old, shift FROM samples
  ) pairs WHERE old <> shift
  UNION ALL
  SELECT CASE WHEN mid.shift = old THEN mid.t ELSE a END, CASE WHEN mid.shift = old THEN b ELSE mid.t END, old
  FROM turned, LATERAL (
    SELECT t, (t AT TIME ZONE $1) - (t AT TIME ZONE 'UTC') AS shift
    FROM (SELECT a + make_interval(secs => floor(extract(epoch FROM b - a) / 2)::int) AS t) half
  ) mid
  WHERE b - a > interval '1 second'
), segments AS MATERIALIZED (
  SELECT t AS start, (t AT TIME ZONE $1) - (t AT TIME ZONE 'UTC') AS shift,
         coalesce(lead(t) OVER (ORDER BY t), 'infinity') AS stop
  FROM (
    SELECT min(t) AS t FROM samples UNION ALL SELECT b FROM turned WHERE b - a <= interval '1 second'
  ) starts
), range AS MATERIALIZED (
  SELECT coalesce($2::timestamptz, ${instantOf('$3::date::timestamp')}) AS low,
         coalesce($4::timestamptz, ${instantOf('$5::date::timestamp')}) AS high
), bounds AS MATERIALIZED (
  SELECT greatest(starts.t, low) AS t, max(unit_start) AS unit_start
  FROM range, (${startsSql(unit)}) starts WHERE starts.t < high GROUP BY 1
  UNION ALL SELECT high, NULL FROM range
), moved AS MATERIALIZED (
  SELECT count FROM range, generate_series(1, 10000) count
  WHERE (high AT TIME ZONE $1) - count * ('1 ' || $6)::interval <= low AT TIME ZONE $1
  ORDER BY count LIMIT 1
), both_bounds AS (
  SELECT b.t, b.unit_start, ${movedSql(unit)} AS before,
         b.unit_start - (SELECT count FROM moved) * ('1 ' || $6)::interval AS before_unit_start
  FROM range, bounds b
)
SELECT now() AS as_of, (SELECT low < high FROM range) AS valid,
       ${boundsSql('t', 'unit_start')} AS bounds, ${boundsSql('before', 'before_unit_start')} AS previous
FROM both_bounds`

const isUnknownZone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '22023'

/**
 * Computes the bounds of a range and its parts in the calendar of a time zone. The database computes them, so
 * that bounds and events use the same version of the time zone data.
 *
 * @throws BAD_USER_INPUT when the range is empty or the time zone unknown to the database
 */
export async function resolveRange(
  snapshot: Snapshot,
  requested: RequestedRange,
  timeZone: string,
  unit: Unit,
): Promise<Range> {
  const parameters = createParameters()
  for (const value of [timeZone, requested.from, requested.fromDay, requested.to, requested.toDay, unit])
    parameters.add(value)
  const [row] = await snapshot
    .rows<{ as_of: Date; valid: boolean | null; bounds: BoundRows; previous: BoundRows }>(
      rangeSql(unit),
      parameters,
    )
    .catch((error: unknown) => {
      throw isUnknownZone(error) ? unknownTimeZone() : error
    })
  if (row?.valid !== true) throw emptyRange()
  return { asOf: row.as_of, ...named(unit, row.bounds), previous: named(unit, row.previous) }
}

/** Bounds, their local times, and the starts of their units; the last is only an end. */
type BoundRows = readonly [readonly number[], readonly number[], readonly (number | null)[]]

const named = (unit: Unit, [bounds, clocks, unitStarts]: BoundRows): Pick<Range, 'bounds' | 'names'> => ({
  bounds,
  names: bounds
    .slice(0, -1)
    .map((start, at) => nameOf(unit, { start, clock: clocks[at] ?? 0, unitStart: unitStarts[at] ?? 0 })),
})

const emptyRange = () => badInput('filter.to', 'must be after the start of the range')
