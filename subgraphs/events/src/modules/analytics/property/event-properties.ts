import { aggregateScope, badInput, formatDataPath, type Caller, dayMs } from '@user-stats/core'
import { eventsFrom } from '../privacy/shown-events.ts'
import { readOpenPaths, type OpenPath } from '../query/analyst-paths.ts'
import type { AnalyticsDeps } from '../query/analysis-context.ts'
import { valueAt } from '../query/conditions.ts'
import { eventsSql, parseTypes, type EventSelection } from '../query/filter.ts'
import type { Snapshot } from '../query/snapshot.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'

export interface PropertiesRequest {
  readonly type: string
  readonly storeId?: number | null | undefined
  readonly limit: number
}

export interface EventProperty {
  readonly path: string
  readonly kinds: readonly ('STRING' | 'NUMBER' | 'BOOLEAN' | 'NULL' | 'OBJECT' | 'ARRAY')[]
  readonly events: number
  readonly share: number
  readonly firstSeen: string
  readonly lastSeen: string
  readonly examples: readonly (string | number | boolean)[]
}

const maxProperties = 1_000
const maxEvents = 10_000
const maxDays = 31
const maxExamples = 5
const maxExampleLength = 100
/** Maximum names in a path: deeper values are not listed. */
const maxDepth = 8

/** The newest days with events of a type that together hold the events to examine. Null: there are none. */
async function newestDays(
  { rows }: Snapshot,
  storeId: number,
  type: string,
  least: number,
): Promise<[from: number, to: number] | null> {
  const { add, ...parameters } = createParameters()
  const [found] = await rows<{ first: string | null; last: string | null }>(
    `SELECT min(day)::text AS first, max(day)::text AS last FROM (
       SELECT day, sum(events) OVER newest - events AS newer, row_number() OVER newest AS place
       FROM type_day_totals
       WHERE store_id = ${add(storeId)} AND type = ${add(type)} AND users >= ${add(least)}::int
       WINDOW newest AS (ORDER BY day DESC)
     ) days WHERE newer < ${String(maxEvents)} AND place <= ${String(maxDays)}`,
    { add, ...parameters },
  )
  if (found?.first == null || found.last === null) return null
  return [Date.parse(found.first), Date.parse(found.last) + dayMs]
}

/** Paths and values in the rows of `examined`, as SQL: of some paths, or (null) of all. */
function valuesSql(paths: readonly OpenPath[] | null, parameters: Parameters): string {
  if (paths === null)
    return `SELECT day, ARRAY[m.key] AS path, m.value FROM examined, jsonb_each(data) m
            UNION ALL
            SELECT v.day, v.path || m.key, m.value
            FROM "values" v, jsonb_each(CASE jsonb_typeof(v.value) WHEN 'object' THEN v.value ELSE '{}' END) m
            WHERE cardinality(v.path) < ${String(maxDepth)}`
  const each = paths.map(({ steps }) => `(${parameters.add(steps)}::text[], ${valueAt(steps, parameters)})`)
  return `SELECT day, v.path, v.value FROM examined, LATERAL (VALUES ${each.join(', ')}) v (path, value)
          WHERE v.value IS NOT NULL`
}

interface Row {
  readonly path: string[]
  readonly kinds: string[]
  readonly events: string
  readonly share: number
  readonly first_seen: string
  readonly last_seen: string
  readonly examples: EventProperty['examples']
}

/**
 * The paths of `data` in the newest events of a type.
 *
 * @throws BAD_USER_INPUT, QUERY_TOO_EXPENSIVE and errors of access
 */
export async function eventProperties(
  { access, snapshot, analystPaths, disclosureOf }: AnalyticsDeps,
  caller: Caller,
  { type, limit, ...request }: PropertiesRequest,
): Promise<EventProperty[]> {
  const storeId = aggregateScope(caller, request.storeId)
  if (storeId === null) throw badInput('storeId', 'is required: name one store')
  if (limit < 0 || limit > maxProperties) throw badInput('limit', 'must be 0 to 1,000')
  const types = parseTypes('type', [type])
  await access.assertActive(caller, storeId)
  const stores = [storeId]
  const disclosure = disclosureOf(caller)

  return await snapshot({ stores, from: null, to: '9999-12-31' }, async (reading) => {
    const paths = caller.role === 'ANALYST' ? await readOpenPaths(reading, stores, analystPaths) : null
    const days = await newestDays(reading, storeId, type, disclosure?.least ?? 0)
    const open = paths && [
      ...paths.own.flatMap((own) => own.paths),
      ...(paths.own.length ? [] : paths.others),
    ]
    if (days === null || open?.length === 0) return []
    const selection: EventSelection = {
      stores,
      types,
      conditions: [],
      disclosure,
      analystPaths: paths ?? { own: [], others: [] },
    }
    const parameters = createParameters()
    const events = eventsFrom(selection, true, days, parameters)
    // A sample of shown cells would reveal more than all of them.
    const newest = disclosure === null ? `ORDER BY occurred_at DESC LIMIT ${String(maxEvents)}` : ''
    const rows = await reading.rows<Row>(
      `WITH RECURSIVE examined AS MATERIALIZED (
         SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, data FROM ${events}
         WHERE ${eventsSql(selection, ...days, parameters).join(' AND ')} ${newest}
       ), "values" AS (${valuesSql(open, parameters)}
       ), counted AS MATERIALIZED (
         SELECT path, kind, example, min(day) AS first, max(day) AS last, count(*) AS events FROM (
           SELECT path, kind, day, CASE WHEN kind IN ('string', 'number', 'boolean')
                                         AND length(value #>> '{}') <= ${String(maxExampleLength)} THEN value END AS example
           FROM (SELECT path, day, value, jsonb_typeof(value) AS kind FROM "values") kinds
         ) examples GROUP BY 1, 2, 3
       ), ranked AS (
         SELECT path, example, row_number() OVER (PARTITION BY path ORDER BY events DESC, example) AS place
         FROM counted WHERE example IS NOT NULL
       ), frequent AS (
         SELECT path, jsonb_agg(example ORDER BY place) AS examples
         FROM ranked WHERE place <= ${String(maxExamples)} GROUP BY path
       )
       SELECT path, array_agg(DISTINCT upper(kind)) AS kinds, sum(events) AS events,
              (sum(events) / (SELECT count(*) FROM examined))::float8 AS share,
              min(first)::text AS first_seen, max(last)::text AS last_seen, coalesce(examples, '[]') AS examples
       FROM counted LEFT JOIN frequent USING (path)
       GROUP BY path, examples ORDER BY sum(events) DESC, path COLLATE "C" LIMIT ${parameters.add(limit)}::int`,
      parameters,
    )
    // In the admin's spelling.
    const texts = new Map(open?.map(({ steps, text }) => [steps.join('\0'), text]))
    return rows.flatMap(({ path, kinds, events: count, share, first_seen, last_seen, examples }) => {
      const text = texts.get(path.join('\0')) ?? formatDataPath(path)
      if (text === null) return []
      return {
        path: text,
        kinds: kinds as EventProperty['kinds'],
        events: Number(count),
        share,
        firstSeen: first_seen,
        lastSeen: last_seen,
        examples,
      }
    })
  })
}
