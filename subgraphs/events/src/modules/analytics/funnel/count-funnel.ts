import { eventsFrom } from '../privacy/shown-events.ts'
import { conditionsSql, type DataCondition } from '../query/conditions.ts'
import { eventsSql, scopeSql, type EventSelection } from '../query/filter.ts'
import type { Snapshot } from '../query/snapshot.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'

/** Which events are a step. */
export interface Step {
  readonly name: string
  readonly types: readonly string[] | null
  readonly conditions: readonly DataCondition[]
}

export interface FunnelQuestion {
  readonly selection: EventSelection
  readonly range: readonly [from: number, to: number]
  readonly steps: readonly Step[]
  readonly withinSeconds: number
}

/** Counts the users of each step, and of all steps before it. */
export type CountFunnel = (snapshot: Snapshot, question: FunnelQuestion) => Promise<number[]>

/** Whether an event fits a step, as SQL. */
const fitsSql = ({ types, conditions }: Step, parameters: Parameters): string =>
  ['true', ...scopeSql({ stores: null, types }, parameters), ...conditionsSql(conditions, parameters)].join(
    ' AND ',
  )

/**
 * For each event that can be a step: the latest start of a chain that leads to it, or NULL. The latest start
 * of the step before, among earlier events of the user, is the best there is: when it is too long ago, all
 * are.
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

/** Counts in PostgreSQL. */
export const countFunnel: CountFunnel = async (
  snapshot,
  { selection, range: [from, to], steps, withinSeconds },
) => {
  const parameters = createParameters()
  const fits = steps.map((step, at) => `coalesce(${fitsSql(step, parameters)}, false) AS fits${String(at)}`)
  const byData = [selection, ...steps].some(({ conditions }) => conditions.length > 0)
  const source = eventsFrom(selection, byData, [from, to], parameters)
  const candidates = `SELECT store_id, user_id COLLATE "C" AS user_id, occurred_at, ${fits.join(', ')} FROM ${source}
                      WHERE ${eventsSql(selection, from, to, parameters).join(' AND ')}`
  // Sorted once and by bytes: a store that is always the same would have it all sorted again for each step.
  const user = selection.stores?.length === 1 ? 'user_id' : 'store_id, user_id'
  const within = `${parameters.add(withinSeconds)}::int * interval '1 second'`
  const reached = steps.map((_step, at) => `count(start${String(at)}) > 0 AS reached${String(at)}`)
  const counts = steps.map((_step, at) => `count(*) FILTER (WHERE reached${String(at)})`)
  const [row] = await snapshot.rows<{ users: string[] }>(
    `SELECT ARRAY[${counts.join(', ')}]::text[] AS users FROM (
       SELECT ${reached.join(', ')} FROM (${chainsSql(steps, candidates, user, within)}) chains GROUP BY ${user}
     ) users`,
    parameters,
  )
  return (row?.users ?? []).map(Number)
}
