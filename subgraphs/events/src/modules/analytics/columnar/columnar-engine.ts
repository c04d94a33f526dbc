import { DomainError, refuseAborted } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import type { CohortCount, CohortQuestion } from '../cohort/count-cohorts.ts'
import type { FunnelQuestion } from '../funnel/count-funnel.ts'
import type { AnalysisEngine } from '../query/analysis-engine.ts'
import type { EventSelection } from '../query/filter.ts'
import { onUtcDays } from '../query/rollups.ts'
import type { Snapshot } from '../query/snapshot.ts'
import type { Grouping, Groups } from '../series/grouping.ts'
import type { Measured, MeasureRequest } from '../series/measure.ts'
import type { ColumnarSession } from './columnar-store.ts'
import { DeclinedError } from './declined.ts'
import { readFiles } from './files-sql.ts'
import { createValues, daysWanted, factsSql, fitsSql, keySql, partSql, selectedSql } from './sql.ts'
import { columnarStatistics } from './columnar-statistics.ts'

export interface ColumnarEngineOptions {
  readonly session: ColumnarSession
  /** Handles the queries that this engine does not. */
  readonly otherwise: AnalysisEngine
  readonly log: Logger
}

/** Counts events in segments. Queries that it cannot answer exactly are left to another engine. */
export function createColumnarEngine({ session, otherwise, log }: ColumnarEngineOptions): AnalysisEngine {
  async function attempt<T>(
    snapshot: Snapshot,
    { disclosure }: EventSelection,
    count: () => Promise<T>,
    leave: () => Promise<T>,
  ): Promise<T> {
    // Small cells are determined by PostgreSQL.
    if (disclosure !== null) return await leave()
    try {
      return await count()
    } catch (error) {
      refuseAborted(snapshot.signal, error)
      if (snapshot.timeLeft() <= 1) throw new DomainError('QUERY_TOO_EXPENSIVE', { cause: error })
      if (!(error instanceof DeclinedError))
        log.warn({ err: error }, 'the columnar engine failed; PostgreSQL answers')
      return await leave()
    }
  }

  return {
    countUsers: (snapshot, request) =>
      attempt(
        snapshot,
        request.selection,
        () => countUsers(session, snapshot, request),
        () => otherwise.countUsers(snapshot, request),
      ),
    largestGroups: (snapshot, selection, range, grouping) => {
      const leave = (): Promise<Groups> => otherwise.largestGroups(snapshot, selection, range, grouping)
      const byTotals = grouping.by !== 'DATA' && selection.conditions.length === 0 && onUtcDays(range)
      if (byTotals) return leave()
      return attempt(
        snapshot,
        selection,
        () => largestGroups(session, snapshot, selection, range, grouping),
        leave,
      )
    },
    measureStatistics: (snapshot, request, statisticsOf) =>
      attempt(
        snapshot,
        request.selection,
        () => columnarStatistics(session, snapshot, request, statisticsOf),
        () => otherwise.measureStatistics(snapshot, request, statisticsOf),
      ),
    countFunnel: (snapshot, question) =>
      attempt(
        snapshot,
        question.selection,
        () => countFunnel(session, snapshot, question),
        () => otherwise.countFunnel(snapshot, question),
      ),
    countCohorts: (snapshot, question) =>
      attempt(
        snapshot,
        question.selection,
        () => countCohorts(session, snapshot, question),
        () => otherwise.countCohorts(snapshot, question),
      ),
  }
}

const groupingPaths = (groups: Groups | null): readonly (readonly unknown[])[] =>
  groups?.grouping.by === 'DATA' ? [groups.grouping.path] : []

function countUsers(
  session: ColumnarSession,
  snapshot: Snapshot,
  request: MeasureRequest,
): Promise<Measured[]> {
  const { selection, bounds, groups, points, totals } = request
  const wanted = daysWanted(selection, bounds[0] ?? 0, bounds.at(-1) ?? 0, groupingPaths(groups))
  const sets = (more: string): string =>
    `GROUPING SETS (${[...(points === 'nothing' ? [] : [`(part, grp${more})`]), ...(totals === 'nothing' ? [] : [`(grp${more})`])].join(', ')})`
  const part = points === 'nothing' ? 'NULL AS part' : 'part'
  return session.read(snapshot, wanted, async (files, run) => {
    if (files.length === 0) return []
    const values = createValues()
    const facts = factsSql(files, request, 'u', values)
    const text =
      points === 'users' || totals === 'users'
        ? `SELECT part, grp, sum(events) AS events, count(*) AS users FROM (
             SELECT ${part}, grp, u, count(*) AS events FROM (${facts}) GROUP BY ${sets(', u')}
           ) GROUP BY part, grp`
        : `SELECT ${part}, grp, count(*) AS events, 0 AS users FROM (${facts}) GROUP BY ${sets('')}`
    const rows = await run(text, values.list)
    return rows.map((row) => ({
      part: row['part'] === null ? null : Number(row['part']) - 1,
      group: Number(row['grp']),
      events: Number(row['events']),
      users: Number(row['users']),
    }))
  })
}

function largestGroups(
  session: ColumnarSession,
  snapshot: Snapshot,
  selection: EventSelection,
  [from, to]: readonly [number, number],
  grouping: Grouping,
): Promise<Groups> {
  const paths = grouping.by === 'DATA' ? [grouping.path] : []
  return session.read(snapshot, daysWanted(selection, from, to, paths), async (files, run) => {
    if (files.length === 0) return { grouping, keys: [], beyondTop: { groups: 0, events: 0 } }
    const values = createValues()
    const rows = await run(
      `SELECT key, events, count(*) OVER () AS all_groups, sum(events) OVER () AS all_events FROM (
         SELECT ${keySql(grouping)} AS key, count(*) AS events FROM ${readFiles(files)}
         WHERE ${selectedSql(selection, from, to, values)} GROUP BY 1
       ) ORDER BY events DESC, key NULLS LAST LIMIT ${String(grouping.top)}`,
      values.list,
    )
    const shown = rows.reduce((sum, row) => sum + Number(row['events']), 0)
    return {
      grouping,
      keys: rows.map((row) => row['key'] as string | null),
      beyondTop: {
        groups: Number(rows[0]?.['all_groups'] ?? 0) - rows.length,
        events: Number(rows[0]?.['all_events'] ?? 0) - shown,
      },
    }
  })
}

function countFunnel(
  session: ColumnarSession,
  snapshot: Snapshot,
  { selection, range: [from, to], steps, withinSeconds }: FunnelQuestion,
): Promise<number[]> {
  const paths = steps.flatMap(({ conditions }) => conditions.map((condition) => condition.steps))
  return session.read(snapshot, daysWanted(selection, from, to, paths), async (files, run) => {
    if (files.length === 0) return steps.map(() => 0)
    const values = createValues()
    const fits = steps.map((step, at) => `coalesce(${fitsSql(step, values)}, false) AS fits${String(at)}`)
    const candidates = `SELECT u, ts, ${fits.join(', ')} FROM ${readFiles(files)}
                        WHERE ${selectedSql(selection, from, to, values)}`
    const some = steps.map((_step, at) => `fits${String(at)}`).join(' OR ')
    // As in PostgreSQL: the latest start of a chain that leads to each event, step by step.
    const chains = steps.slice(1).reduce((before, _step, at) => {
      const own = String(at + 1)
      return `SELECT *, CASE WHEN fits${own} AND ts <= best${own} + ${String(withinSeconds * 1_000)} THEN best${own} END AS start${own}
              FROM (SELECT *, max(start${String(at)}) OVER (
                PARTITION BY u ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
              ) AS best${own} FROM (${before}))`
    }, `SELECT *, CASE WHEN fits0 THEN ts END AS start0 FROM (${candidates}) WHERE ${some}`)
    const reached = steps.map((_step, at) => `count(start${String(at)}) > 0 AS reached${String(at)}`)
    const counts = steps.map(
      (_step, at) => `count(*) FILTER (WHERE reached${String(at)}) AS users${String(at)}`,
    )
    const [row] = await run(
      `SELECT ${counts.join(', ')} FROM (SELECT u, ${reached.join(', ')} FROM (${chains}) GROUP BY u)`,
      values.list,
    )
    return steps.map((_step, at) => Number(row?.[`users${String(at)}`] ?? 0))
  })
}

function countCohorts(
  session: ColumnarSession,
  snapshot: Snapshot,
  { selection, bounds, since, weeks }: CohortQuestion,
): Promise<CohortCount[]> {
  const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
  return session.read(snapshot, daysWanted(selection, since, to, []), async (files, run) => {
    if (files.length === 0) return []
    const values = createValues()
    const before = since === null ? 'true' : `ts >= ${String(since)}`
    const rows = await run(
      `WITH active AS MATERIALIZED (
         SELECT DISTINCT ${partSql(bounds)} AS part, u FROM ${readFiles(files)}
         WHERE ${selectedSql(selection, from, to, values)}
       ), known AS (
         SELECT DISTINCT u FROM ${readFiles(files)}
         WHERE ts < ${String(from)} AND ${before} AND ${fitsSql(selection, values)}
       ), fresh AS (
         SELECT u, min(part) AS cohort FROM active ANTI JOIN known USING (u) GROUP BY u
       )
       SELECT cohort, part - cohort AS week, count(*) AS users FROM fresh JOIN active USING (u)
       WHERE part - cohort <= ${String(weeks)} GROUP BY 1, 2`,
      values.list,
    )
    return rows.map((row) => ({
      cohort: Number(row['cohort']) - 1,
      week: Number(row['week']),
      users: Number(row['users']),
    }))
  })
}
