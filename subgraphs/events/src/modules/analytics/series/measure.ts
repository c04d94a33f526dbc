import { dayMs } from '@user-stats/core'
import { quarterMs } from '../../rollup/quarters.ts'
import { requireRetained } from '../../retention/retained-range.ts'
import { eventsSql, instant, scopeSql, type EventSelection } from '../query/filter.ts'
import { groupSql, type Groups } from './grouping.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'
import { areCountedByQuarters, dayOf, daysSql, onUtcDays, quartersSql } from '../query/rollups.ts'
import { eventsFrom } from '../privacy/shown-events.ts'
import type { Snapshot } from '../query/snapshot.ts'

/** What to count for the parts of a range, or for the whole range. */
export type CountKind = 'nothing' | 'events' | 'users'

/** The events to count, their parts and groups. */
export interface Parted {
  readonly selection: EventSelection
  /** Ascending: the start of each part, and the end of the last. */
  readonly bounds: readonly number[]
  readonly groups: Groups | null
}

export interface MeasureRequest extends Parted {
  readonly points: CountKind
  readonly totals: CountKind
}

/** Counts events and distinct users from rows of users or from events. Counts that are zero are left out. */
export type CountUsers = (snapshot: Snapshot, request: MeasureRequest) => Promise<Measured[]>

/**
 * A count of one part (from 0) or, when null, of the whole range, in one group (0: the others, or no groups).
 */
export interface Measured {
  readonly part: number | null
  readonly group: number
  readonly events: number
  readonly users: number
}

/**
 * The source of a count: totals per day or quarter of an hour, rows per user and day, or the events
 * themselves.
 */
type Source = 'totals' | 'quarters' | 'users' | 'events'

/** The number of the row's part, from 1. */
const partSql = (column: string, bounds: readonly number[], { add }: Parameters): string =>
  `width_bucket(${column}, ${add(bounds.map(instant))}::timestamptz[])`
const dayStart = `(day::timestamp AT TIME ZONE 'UTC')`

/** Checks that the raw rows of a range of instants are kept. */
export const requireRaw = (
  { client }: Snapshot,
  { stores }: EventSelection,
  from: number | null,
  to: number,
): Promise<void> => requireRetained(client, stores, from === null ? null : dayOf(from), dayOf(to + dayMs - 1))

/** Events with part and group, for counts and statistics. `columns` are further columns of a row. */
export function partedEvents(
  { selection, bounds, groups }: Parted,
  columns: string,
  parameters: Parameters,
  byData = selection.conditions.length > 0 || groups?.grouping.by === 'DATA',
): string {
  const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
  return `SELECT ${partSql('occurred_at', bounds, parameters)} AS part,
                 ${groupSql(groups, parameters)} AS grp, ${columns}
          FROM ${eventsFrom(selection, byData, [from, to], parameters)}
          WHERE ${eventsSql(selection, from, to, parameters).join(' AND ')}`
}

/** Rows of the rollups with part and group. */
function partedDays(
  { selection, bounds, groups }: Parted,
  kind: 'totals' | 'users',
  parameters: Parameters,
): string {
  const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
  const { disclosure } = selection
  const perType = groups?.grouping.by === 'TYPE' || selection.types !== null || disclosure !== null
  const least = disclosure && `${parameters.add(disclosure.least)}::int`
  const table = {
    totals: perType ? 'type_day_totals' : 'day_totals',
    users:
      least !== null
        ? `(SELECT u.* FROM user_type_days u JOIN type_day_totals c
              ON c.store_id = u.store_id AND c.type = u.type AND c.day = u.day AND c.users >= ${least}) shown`
        : perType
          ? 'user_type_days'
          : 'user_days',
  }[kind]
  const where = [
    ...scopeSql(selection, parameters),
    ...daysSql(from, to, parameters),
    ...(kind === 'totals' && least !== null ? [`users >= ${least}`] : []),
  ]
  return `SELECT ${partSql(dayStart, bounds, parameters)} AS part, ${groupSql(groups, parameters)} AS grp,
                 ${kind === 'totals' ? 'events, users' : 'store_id, user_id, events'}
          FROM ${table} WHERE ${where.join(' AND ')}`
}

/** Quarters of an hour with part, group and events. */
function partedQuarters({ selection, bounds, groups }: Parted, parameters: Parameters): string {
  const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
  const where = [...scopeSql(selection, parameters), ...quartersSql(from, to, parameters)]
  return `SELECT width_bucket(quarter, ${parameters.add(bounds.map((bound) => bound / quarterMs))}::int[]) AS part,
                 ${groupSql(groups, parameters)} AS grp, events, 0 AS users
          FROM quarter_totals WHERE ${where.join(' AND ')}`
}

/** Whether users need no counting, because each count is of one type, or of all types, on one day. */
function daysHoldUsers({ selection, bounds, groups }: Parted): boolean {
  const daily = bounds.every((bound, at) => at === 0 || bound - (bounds[at - 1] ?? 0) === dayMs)
  if (groups?.grouping.by === 'TYPE') return daily && groups.beyondTop.groups === 0
  // Totals over all types include suppressed cells.
  const all = selection.types === null && selection.disclosure === null
  return daily && (all || selection.types?.length === 1)
}

/** Whether rollups suffice: the parts are UTC days, and `data` is not used. */
const isRolled = ({ selection, bounds, groups }: Parted): boolean =>
  selection.conditions.length === 0 && groups?.grouping.by !== 'DATA' && onUtcDays(bounds)

function sourceOf(request: MeasureRequest, kind: CountKind, ofPoints: boolean): Source | null {
  if (kind === 'nothing') return null
  if (!isRolled(request))
    return kind === 'events' && request.groups?.grouping.by !== 'DATA' ? 'quarters' : 'events'
  if (kind === 'events') return 'totals'
  return (ofPoints || request.bounds.length === 2) && daysHoldUsers(request) ? 'totals' : 'users'
}

/** The grouping of rows: by part and group, by group alone, or both. */
interface Levels {
  /** The column of the part; null where all rows belong to the whole range. */
  readonly part: string
  readonly sets: (more: string) => string
}

function levelsOf({ points, totals }: MeasureRequest): Levels {
  const sets = [...(points === 'nothing' ? [] : ['part, grp']), ...(totals === 'nothing' ? [] : ['grp'])]
  return {
    part: points !== 'nothing' ? 'part' : 'NULL::int AS part',
    sets: (more) => `GROUPING SETS (${sets.map((set) => `(${set}${more})`).join(', ')})`,
  }
}

/** Deduplicates users per count first, then counts them: distinct users without sorting all events. */
function perUser(facts: string, { part, sets }: Levels): string {
  return `SELECT part, grp, sum(events) AS events, count(*) AS users FROM (
            SELECT ${part}, grp, store_id, user_id, sum(events) AS events FROM (${facts}) facts
            GROUP BY ${sets(', store_id, user_id')}
          ) users GROUP BY part, grp`
}

/**
 * Rows of users with part, group and events; a user may occur several times: deduplicating twice would take
 * twice as long.
 */
const userFacts = (request: Parted, source: 'users' | 'events', parameters: Parameters): string =>
  source === 'users'
    ? partedDays(request, source, parameters)
    : partedEvents(request, 'store_id, user_id, 1 AS events', parameters)

/** Each user once per part, as SQL: from rollups when the parts are UTC days, else from events. */
export const userParts = (request: Parted, parameters: Parameters): string =>
  `SELECT DISTINCT part, store_id, user_id
   FROM (${userFacts(request, isRolled(request) ? 'users' : 'events', parameters)}) facts`

async function readCounts(snapshot: Snapshot, text: string, parameters: Parameters): Promise<Measured[]> {
  const rows = await snapshot.rows<{ part: number | null; grp: number; events: string; users: string }>(
    text,
    parameters,
  )
  return rows.map(({ part, grp, events, users }) => ({
    part: part === null ? null : part - 1,
    group: grp,
    events: Number(events),
    users: Number(users),
  }))
}

function countTotals(
  snapshot: Snapshot,
  request: MeasureRequest,
  source: 'totals' | 'quarters',
): Promise<Measured[]> {
  const parameters = createParameters()
  const rows =
    source === 'totals' ? partedDays(request, source, parameters) : partedQuarters(request, parameters)
  const { part, sets } = levelsOf(request)
  return readCounts(
    snapshot,
    `SELECT ${part}, grp, sum(events) AS events, sum(users) AS users
     FROM (${rows}) totals GROUP BY ${sets('')}`,
    parameters,
  )
}

/** By UTC days it reads rows of users, else events. */
export const countUsers: CountUsers = (snapshot, request) => {
  const parameters = createParameters()
  const facts = userFacts(request, isRolled(request) ? 'users' : 'events', parameters)
  return readCounts(snapshot, perUser(facts, levelsOf(request)), parameters)
}

/**
 * Counts events and distinct users per part and group: from rollups when the parts are UTC days or, without
 * users, whole quarters of an hour, else from events. Counts of zero are omitted.
 *
 * @param countOthers counts what totals do not answer
 * @throws RANGE_NOT_RETAINED when rows it needs are no longer kept
 */
export async function measure(
  snapshot: Snapshot,
  request: MeasureRequest,
  countOthers: CountUsers,
): Promise<Measured[]> {
  const [from = 0, to = 0] = [request.bounds[0], request.bounds.at(-1)]
  const sources = [sourceOf(request, request.points, true), sourceOf(request, request.totals, false)]
  const byQuarters =
    sources.includes('quarters') && (await areCountedByQuarters(snapshot, request.selection, request.bounds))
  const [ofPoints, ofTotals] = sources.map((source) =>
    source === 'quarters' && !byQuarters ? 'events' : source,
  )
  const measured: Measured[] = []
  for (const source of new Set([ofPoints, ofTotals])) {
    if (source == null) continue
    const requested: MeasureRequest = {
      ...request,
      points: source === ofPoints ? request.points : 'nothing',
      totals: source === ofTotals ? request.totals : 'nothing',
    }
    if (source === 'totals' || source === 'quarters')
      measured.push(...(await countTotals(snapshot, requested, source)))
    else {
      await requireRaw(snapshot, request.selection, from, to)
      measured.push(...(await countOthers(snapshot, requested)))
    }
  }
  return measured
}
