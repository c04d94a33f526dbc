import { badInput, type Caller } from '@user-stats/service'
import { conditionsSql } from './conditions.ts'
import { requireDataPaths } from './data-path.ts'
import type { AnalyticsDeps } from './deps.ts'
import {
  instant,
  parseSelection,
  scopeSql,
  storesOf,
  type EventFilter,
  type EventSelection,
} from './filter.ts'
import { requireRaw, userParts } from './measure.ts'
import { createParameters, type Parameters } from './parameters.ts'
import { parseRange, resolveRange } from './range.ts'
import { dayMs } from './rollups.ts'
import { requireTimeZone } from './time-zone.ts'

export interface RetentionRequest {
  readonly filter: EventFilter
  readonly weeks: number
  readonly lookBackDays?: number | null | undefined
  readonly timeZone: string
}

export interface RetentionCohort {
  readonly start: Date
  readonly end: Date
  readonly users: number
  readonly weeks: readonly { readonly week: number; readonly users: number; readonly rate: number | null }[]
}

export interface Retention {
  readonly asOf: Date
  readonly timeZone: string
  readonly exact: true
  readonly from: Date
  readonly to: Date
  readonly cohorts: readonly RetentionCohort[]
}

const maxDays = 1_100
const maxWeeks = 52
const maxLookBack = 36_500

/** Whether a user has a fitting event before the range, as SQL on a row `u`; found by the index on users. */
function knownBefore(
  selection: EventSelection,
  since: number | null,
  from: number,
  parameters: Parameters,
): string {
  const where = [
    'e.store_id = u.store_id',
    'e.user_id = u.user_id',
    `e.occurred_at < ${parameters.add(instant(from))}::timestamptz`,
    ...(since === null ? [] : [`e.occurred_at >= ${parameters.add(instant(since))}::timestamptz`]),
    ...scopeSql({ stores: null, types: selection.types }, parameters),
    ...conditionsSql(selection.conditions, parameters),
  ]
  return `EXISTS (SELECT FROM events e WHERE ${where.join(' AND ')})`
}

/**
 * Users by the week of their first fitting event, and who of them had one in later weeks.
 *
 * @throws BAD_USER_INPUT, RANGE_NOT_RETAINED, QUERY_TOO_EXPENSIVE and refusals of access
 */
export async function retention(
  { access, snapshot, clock, analystPaths }: AnalyticsDeps,
  caller: Caller,
  { filter, weeks, lookBackDays = null, ...request }: RetentionRequest,
): Promise<Retention> {
  const stores = storesOf(caller, filter)
  const selection = parseSelection(stores, filter)
  requireDataPaths(
    caller,
    selection.conditions.map(({ steps }) => steps),
    analystPaths,
  )
  if (weeks < 1 || weeks > maxWeeks) throw badInput('weeks', `must be 1 to ${String(maxWeeks)}`)
  if (lookBackDays !== null && (lookBackDays < 1 || lookBackDays > maxLookBack))
    throw badInput('lookBackDays', `must be 1 to ${maxLookBack.toLocaleString('en')}`)
  const timeZone = requireTimeZone(request.timeZone)
  const asked = parseRange(filter, timeZone, clock(), maxDays)
  for (const store of stores ?? [null]) await access.admit(caller, store)

  return await snapshot(async (reading): Promise<Retention> => {
    const { asOf, bounds } = await resolveRange(reading, asked, timeZone, 'week')
    const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
    const since = lookBackDays === null ? null : from - lookBackDays * dayMs
    await requireRaw(reading, selection, since, to)
    const parameters = createParameters()
    const active = userParts({ selection, bounds, groups: null }, parameters)
    const rows = await reading.rows<{ cohort: number; week: number; users: string }>(
      `WITH active AS MATERIALIZED (${active}), fresh AS (
         SELECT * FROM (SELECT store_id, user_id, min(part) AS cohort FROM active GROUP BY 1, 2) u
         WHERE NOT ${knownBefore(selection, since, from, parameters)}
       )
       SELECT f.cohort, a.part - f.cohort AS week, count(*) AS users
       FROM fresh f JOIN active a ON a.store_id = f.store_id AND a.user_id = f.user_id
       WHERE a.part - f.cohort <= ${parameters.add(weeks)}::int GROUP BY 1, 2`,
      parameters,
    )
    const users = new Map(
      rows.map((row) => [`${String(row.cohort - 1)} ${String(row.week)}`, Number(row.users)]),
    )
    const counted = (cohort: number, week: number): number =>
      users.get(`${String(cohort)} ${String(week)}`) ?? 0
    return {
      asOf,
      timeZone,
      exact: true,
      from: new Date(from),
      to: new Date(to),
      cohorts: bounds.slice(1).map((end, cohort) => ({
        start: new Date(bounds[cohort] ?? 0),
        end: new Date(end),
        users: counted(cohort, 0),
        weeks: Array.from({ length: Math.min(weeks + 1, bounds.length - 1 - cohort) }, (_, week) => ({
          week,
          users: counted(cohort, week),
          rate: counted(cohort, 0) === 0 ? null : counted(cohort, week) / counted(cohort, 0),
        })),
      })),
    }
  })
}
