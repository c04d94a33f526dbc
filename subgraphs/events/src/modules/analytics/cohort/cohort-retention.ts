import { badInput, type Caller, dayMs } from '@user-stats/core'
import { requireWholeDays, suppressSmallParts } from '../privacy/small-cell-suppression.ts'
import { authorizePaths } from '../query/analyst-paths.ts'
import type { AnalyticsDeps } from '../query/analysis-context.ts'
import { parseSelection, storesOf, type EventFilter } from '../query/filter.ts'
import { requireRaw } from '../series/measure.ts'
import { nameOfAll, type PeriodName } from '../query/period-label.ts'
import { daysAround, parseRange, resolveRange } from '../query/calendar-range.ts'
import { dayOf } from '../query/rollups.ts'
import { requireTimeZone } from '../query/time-zone.ts'

export interface RetentionRequest {
  readonly filter: EventFilter
  readonly weeks: number
  readonly lookBackDays?: number | null | undefined
  readonly timeZone: string
}

export interface RetentionWeek extends PeriodName {
  readonly week: number
  readonly users: number | null
  readonly rate: number | null
}

export interface RetentionCohort extends PeriodName {
  readonly start: Date
  readonly end: Date
  /** Null, like all its counts, when there are too few users to be shown to the caller. */
  readonly users: number | null
  readonly weeks: readonly RetentionWeek[]
}

export interface Retention {
  readonly asOf: Date
  readonly timeZone: string
  readonly exact: true
  readonly from: Date
  readonly to: Date
  readonly label: string
  readonly cohorts: readonly RetentionCohort[]
}

const maxDays = 1_100
const maxWeeks = 52
const maxLookBack = 36_500

/**
 * Users by the week of their first matching event, and how many of them had one in later weeks.
 *
 * @throws BAD_USER_INPUT, RANGE_NOT_RETAINED, QUERY_TOO_EXPENSIVE and errors of access
 */
export async function retention(
  { access, snapshot, clock, analystPaths, disclosureOf }: AnalyticsDeps,
  caller: Caller,
  { filter, weeks, lookBackDays = null, ...request }: RetentionRequest,
): Promise<Retention> {
  const stores = storesOf(caller, filter)
  const disclosure = disclosureOf(caller)
  const parsed = parseSelection(stores, filter, disclosure)
  if (weeks < 1 || weeks > maxWeeks) throw badInput('weeks', `must be 1 to ${String(maxWeeks)}`)
  if (lookBackDays !== null && (lookBackDays < 1 || lookBackDays > maxLookBack))
    throw badInput('lookBackDays', `must be 1 to ${maxLookBack.toLocaleString('en')}`)
  const timeZone = requireTimeZone(request.timeZone)
  requireWholeDays(disclosure, { timeZone, from: filter.from, to: filter.to })
  const time = parseRange(filter, timeZone, clock(), maxDays)
  for (const store of stores ?? [null]) await access.assertActive(caller, store)

  const { from: first, to: last } = daysAround(time)
  const known = lookBackDays === null ? null : dayOf(Date.parse(first) - lookBackDays * dayMs)
  return await snapshot({ stores, from: known, to: last }, async (reading): Promise<Retention> => {
    const open = await authorizePaths(reading, caller, stores, parsed.conditions, analystPaths)
    const selection = { ...parsed, analystPaths: open }
    const { asOf, bounds, names } = await resolveRange(reading, time, timeZone, 'week')
    const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
    const since = lookBackDays === null ? null : from - lookBackDays * dayMs
    await requireRaw(reading, selection, since, to)
    const counts = await reading.engine.countCohorts(reading, { selection, bounds, since, weeks })
    const users = new Map(counts.map((one) => [`${String(one.cohort)} ${String(one.week)}`, one.users]))
    const counted = (cohort: number, week: number): number =>
      users.get(`${String(cohort)} ${String(week)}`) ?? 0
    return {
      asOf,
      timeZone,
      exact: true,
      from: new Date(from),
      to: new Date(to),
      label: nameOfAll(names).label,
      cohorts: names.map((name, cohort) => {
        const all = counted(cohort, 0)
        const [users = null] = suppressSmallParts(disclosure, [all])
        return {
          start: new Date(bounds[cohort] ?? 0),
          end: new Date(bounds[cohort + 1] ?? 0),
          ...name,
          users,
          weeks: names.slice(cohort, cohort + weeks + 1).map((ofWeek, week): RetentionWeek => {
            // Compare each week with the whole cohort, not with the previous week.
            const [, own = null] =
              users === null ? [] : suppressSmallParts(disclosure, [all, counted(cohort, week)])
            return { week, ...ofWeek, users: own, rate: own === null || all === 0 ? null : own / all }
          }),
        }
      }),
    }
  })
}
