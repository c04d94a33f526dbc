import { badInput, type Caller } from '@user-stats/core'
import { requireWholeDays, tellParts } from '../privacy/small-cell-suppression.ts'
import { requireText } from '../../event/validation.ts'
import {
  conditionsSql,
  parseConditions,
  type DataCondition,
  type DataConditionInput,
} from '../query/conditions.ts'
import { admitPaths } from '../query/analyst-paths.ts'
import type { AnalyticsDeps } from '../query/analysis-context.ts'
import {
  eventsSql,
  parseSelection,
  parseTypes,
  scopeSql,
  storesOf,
  type EventFilter,
} from '../query/filter.ts'
import { requireRaw } from '../series/measure.ts'
import { eventsFrom } from '../privacy/shown-events.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'
import { nameOfAll } from '../query/period-label.ts'
import { daysAround, parseRange, resolveRange } from '../query/calendar-range.ts'
import { requireTimeZone } from '../query/time-zone.ts'

export interface FunnelStepInput {
  readonly name?: string | null | undefined
  readonly types?: readonly string[] | null | undefined
  readonly data?: readonly DataConditionInput[] | null | undefined
}

export interface FunnelRequest {
  readonly filter: EventFilter
  readonly steps: readonly FunnelStepInput[]
  readonly withinSeconds: number
  readonly timeZone: string
}

interface Step {
  readonly name: string
  readonly types: readonly string[] | null
  readonly conditions: readonly DataCondition[]
}

export interface FunnelStep {
  readonly name: string
  /** Null, as its shares, when it is of too few users for the caller. */
  readonly users: number | null
  readonly conversion: number | null
  readonly conversionFromPrevious: number | null
}

export interface Funnel {
  readonly asOf: Date
  readonly timeZone: string
  readonly exact: true
  readonly from: Date
  readonly to: Date
  readonly label: string
  readonly withinSeconds: number
  readonly steps: readonly FunnelStep[]
}

const maxDays = 366
const maxSeconds = 90 * 86_400

function parseStep({ name, types, data }: FunnelStepInput, at: number): Step {
  const field = `steps[${String(at)}]`
  if (name != null) requireText(`${field}.name`, name, 128)
  const known = parseTypes(`${field}.types`, types)
  return {
    name: name ?? known?.join(', ') ?? `Step ${String(at + 1)}`,
    types: known,
    conditions: parseConditions(`${field}.data`, data),
  }
}

function parseSteps(inputs: readonly FunnelStepInput[]): readonly Step[] {
  if (inputs.length < 2 || inputs.length > 10) throw badInput('steps', 'must be 2 to 10 steps')
  return inputs.map(parseStep)
}

/** Whether an event fits a step, as SQL. */
const fitsSql = ({ types, conditions }: Step, parameters: Parameters): string =>
  ['true', ...scopeSql({ stores: null, types }, parameters), ...conditionsSql(conditions, parameters)].join(
    ' AND ',
  )

/**
 * For each event that can be a step: the latest start of a chain that leads to it, or NULL. The latest start of the
 * step before, among earlier events of the user, is the best there is: when it is too long ago, all are.
 */
function chainsSql(steps: readonly Step[], candidates: string, user: string, within: string): string {
  const some = steps.map((_step, at) => `fits${String(at)}`).join(' OR ')
  return steps.slice(1).reduce((chains, _step, before) => {
    const at = String(before + 1)
    return `SELECT *, CASE WHEN fits${at} AND occurred_at <= best${at} + ${within} THEN best${at} END AS start${at}
              FROM (
                SELECT *, max(start${String(before)}) OVER (
                  PARTITION BY ${user} ORDER BY occurred_at
                  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS best${at} FROM (${chains}) chains${at}
              ) bests${at}`
  }, `SELECT *, CASE WHEN fits0 THEN occurred_at END AS start0 FROM (${candidates}) candidates WHERE ${some}`)
}

/**
 * How many users did all steps in their order within a time.
 *
 * @throws BAD_USER_INPUT, RANGE_NOT_RETAINED, QUERY_TOO_EXPENSIVE and refusals of access
 */
export async function funnel(
  { access, snapshot, clock, analystPaths, disclosureOf }: AnalyticsDeps,
  caller: Caller,
  { filter, withinSeconds, ...request }: FunnelRequest,
): Promise<Funnel> {
  const stores = storesOf(caller, filter)
  const disclosure = disclosureOf(caller)
  const asked = parseSelection(stores, filter, disclosure)
  const steps = parseSteps(request.steps)
  const conditions = [asked, ...steps].flatMap((one) => one.conditions)
  if (withinSeconds < 1 || withinSeconds > maxSeconds)
    throw badInput('withinSeconds', `must be 1 to ${maxSeconds.toLocaleString('en')} (90 days)`)
  const timeZone = requireTimeZone(request.timeZone)
  requireWholeDays(disclosure, { timeZone, from: filter.from, to: filter.to, withinSeconds })
  const time = parseRange(filter, timeZone, clock(), maxDays)
  for (const store of stores ?? [null]) await access.admit(caller, store)

  return await snapshot({ stores, ...daysAround(time) }, async (reading): Promise<Funnel> => {
    const open = await admitPaths(reading, caller, stores, conditions, analystPaths)
    const selection = { ...asked, analystPaths: open }
    const { asOf, bounds, names } = await resolveRange(reading, time, timeZone, 'day')
    const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
    await requireRaw(reading, selection, from, to)
    const parameters = createParameters()
    const fits = steps.map((step, at) => `coalesce(${fitsSql(step, parameters)}, false) AS fits${String(at)}`)
    const source = eventsFrom(selection, conditions.length > 0, [from, to], parameters)
    const candidates = `SELECT store_id, user_id COLLATE "C" AS user_id, occurred_at, ${fits.join(', ')} FROM ${source}
                        WHERE ${eventsSql(selection, from, to, parameters).join(' AND ')}`
    // Sorted once and by bytes: a store that is always the same would have it all sorted again for each step.
    const user = stores?.length === 1 ? 'user_id' : 'store_id, user_id'
    const within = `${parameters.add(withinSeconds)}::int * interval '1 second'`
    const reached = steps.map((_step, at) => `count(start${String(at)}) > 0 AS reached${String(at)}`)
    const counts = steps.map((_step, at) => `count(*) FILTER (WHERE reached${String(at)})`)
    const [row] = await reading.rows<{ users: string[] }>(
      `SELECT ARRAY[${counts.join(', ')}]::text[] AS users FROM (
         SELECT ${reached.join(', ')} FROM (${chainsSql(steps, candidates, user, within)}) chains GROUP BY ${user}
       ) users`,
      parameters,
    )
    const users = tellParts(disclosure, (row?.users ?? []).map(Number))
    return {
      asOf,
      timeZone,
      exact: true,
      from: new Date(from),
      to: new Date(to),
      label: nameOfAll(names).label,
      withinSeconds,
      steps: steps.map(({ name }, at) => toStep(name, users, at)),
    }
  })
}

function toStep(name: string, users: readonly (number | null)[], at: number): FunnelStep {
  const [first = null, before = null, own = null] = [users[0], users[Math.max(0, at - 1)], users[at]]
  const shareOf = (all: number | null): number | null =>
    own === null || all === null || all === 0 ? null : own / all
  return { name, users: own, conversion: shareOf(first), conversionFromPrevious: shareOf(before) }
}
