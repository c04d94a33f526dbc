import { eventsFrom } from '../privacy/shown-events.ts'
import { conditionsSql } from '../query/conditions.ts'
import { eventsSql, instant, scopeSql, type EventSelection } from '../query/filter.ts'
import type { Snapshot } from '../query/snapshot.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'
import { userParts } from '../series/measure.ts'

export interface CohortQuestion {
  readonly selection: EventSelection
  /** Ascending: the start of each week, and the end of the last. */
  readonly bounds: readonly number[]
  /**
   * Users with an event between this instant and the range are no new users; null: with any event before it.
   */
  readonly since: number | null
  /** How many weeks each cohort is followed. */
  readonly weeks: number
}

/** Users of a cohort (from 0) with an event so many weeks after its own. */
export interface CohortCount {
  readonly cohort: number
  readonly week: number
  readonly users: number
}

/** Counts users by the week of their first event and the weeks of all. Counts that are zero are left out. */
export type CountCohorts = (snapshot: Snapshot, question: CohortQuestion) => Promise<CohortCount[]>

const earliest = Date.UTC(1900, 0, 1)

/** Whether a user has a fitting event before the range, as SQL on a row `u`; found by the index on users. */
function knownBefore(
  selection: EventSelection,
  since: number | null,
  from: number,
  parameters: Parameters,
): string {
  if (selection.disclosure !== null) {
    const range = [since ?? earliest, from] as const
    const shown = eventsFrom(selection, selection.conditions.length > 0, range, parameters)
    return `(u.store_id, u.user_id) IN (
      SELECT store_id, user_id FROM ${shown} WHERE ${eventsSql(selection, ...range, parameters).join(' AND ')})`
  }
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

/** Counts in PostgreSQL. */
export const countCohorts: CountCohorts = async (snapshot, { selection, bounds, since, weeks }) => {
  const parameters = createParameters()
  const active = userParts({ selection, bounds, groups: null }, parameters)
  const rows = await snapshot.rows<{ cohort: number; week: number; users: string }>(
    `WITH active AS MATERIALIZED (${active}), fresh AS (
       SELECT * FROM (SELECT store_id, user_id, min(part) AS cohort FROM active GROUP BY 1, 2) u
       WHERE NOT ${knownBefore(selection, since, bounds[0] ?? 0, parameters)}
     )
     SELECT f.cohort, a.part - f.cohort AS week, count(*) AS users
     FROM fresh f JOIN active a ON a.store_id = f.store_id AND a.user_id = f.user_id
     WHERE a.part - f.cohort <= ${parameters.add(weeks)}::int GROUP BY 1, 2`,
    parameters,
  )
  return rows.map(({ cohort, week, users }) => ({ cohort: cohort - 1, week, users: Number(users) }))
}
