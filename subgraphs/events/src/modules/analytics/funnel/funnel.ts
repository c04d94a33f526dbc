import { badInput, type Caller } from '@user-stats/core'
import { requireWholeDays, suppressSmallParts } from '../privacy/small-cell-suppression.ts'
import { requireText } from '../../event/validation.ts'
import { parseConditions, type DataConditionInput } from '../query/conditions.ts'
import { authorizePaths } from '../query/analyst-paths.ts'
import type { AnalyticsDeps } from '../query/analysis-context.ts'
import { parseSelection, parseTypes, storesOf, type EventFilter } from '../query/filter.ts'
import { requireRaw } from '../series/measure.ts'
import type { Step } from './count-funnel.ts'
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

export interface FunnelStep {
  readonly name: string
  /** Null, like its shares, when it counts too few users to be shown to the caller. */
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

/**
 * How many users completed all steps in order within a time.
 *
 * @throws BAD_USER_INPUT, RANGE_NOT_RETAINED, QUERY_TOO_EXPENSIVE and errors of access
 */
export async function funnel(
  { access, snapshot, clock, analystPaths, disclosureOf }: AnalyticsDeps,
  caller: Caller,
  { filter, withinSeconds, ...request }: FunnelRequest,
): Promise<Funnel> {
  const stores = storesOf(caller, filter)
  const disclosure = disclosureOf(caller)
  const parsed = parseSelection(stores, filter, disclosure)
  const steps = parseSteps(request.steps)
  const conditions = [parsed, ...steps].flatMap((one) => one.conditions)
  if (withinSeconds < 1 || withinSeconds > maxSeconds)
    throw badInput('withinSeconds', `must be 1 to ${maxSeconds.toLocaleString('en')} (90 days)`)
  const timeZone = requireTimeZone(request.timeZone)
  requireWholeDays(disclosure, { timeZone, from: filter.from, to: filter.to, withinSeconds })
  const time = parseRange(filter, timeZone, clock(), maxDays)
  for (const store of stores ?? [null]) await access.assertActive(caller, store)

  return await snapshot({ stores, ...daysAround(time) }, async (reading): Promise<Funnel> => {
    const open = await authorizePaths(reading, caller, stores, conditions, analystPaths)
    const selection = { ...parsed, analystPaths: open }
    const { asOf, bounds, names } = await resolveRange(reading, time, timeZone, 'day')
    const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
    await requireRaw(reading, selection, from, to)
    const counts = await reading.engine.countFunnel(reading, {
      selection,
      range: [from, to],
      steps,
      withinSeconds,
    })
    const users = suppressSmallParts(disclosure, counts)
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
