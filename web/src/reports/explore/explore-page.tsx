import { useMemo } from 'react'
import { useQuery } from '@tanstack/react-query'
import { ExploreDocument, type ExploreQuery } from '../../../generated/graph/graphql.ts'
import { graphQuery } from '../../graph/execute.ts'
import { Exhibit } from '../../ui/exhibit.tsx'
import { Select, TextField } from '../../ui/field.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Failure, Loading } from '../../ui/states.tsx'
import { AsOf } from '../as-of.tsx'
import { granularities } from '../range.ts'
import { ReportBar } from '../report-bar.tsx'
import styles from '../reports.module.css'
import { chartKinds, exploreMeasures, type ExploreMeasure } from '../search.ts'
import { groupByOf, usePathSuggestions } from '../suggestions.ts'
import { useReport, type Report } from '../use-report.ts'
import { exploreMeasureNames, measureOf, statisticsFor } from './measures.ts'

const kindNames = { line: 'Lines', bar: 'Bars', stacked: 'Stacked bars' } as const
const granularityNames = { HOUR: 'Hours', DAY: 'Days', WEEK: 'Weeks', MONTH: 'Months' } as const

/** Any measure, over time and by group. */
export function ExplorePage() {
  const report = useReport()
  const { filter, granularity, timeZone, search } = report
  const { show = 'events', group, path = '$.value' } = search
  const result = useQuery({
    ...graphQuery(ExploreDocument, {
      filter,
      granularity,
      timeZone,
      groupBy: group === undefined ? null : groupByOf(group, 8),
      statisticsOf: statisticsFor(show, path),
    }),
    retry: false,
  })
  return (
    <>
      <ReportBar title="Explore" report={report} />
      <Choices report={report} />
      {result.isPending && <Loading label="Counting" />}
      {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
      {result.data && (
        <>
          <Result report={report} measure={show} series={result.data.eventSeries} />
          <AsOf instant={result.data.eventSeries.asOf} timeZone={timeZone} />
        </>
      )}
    </>
  )
}

function Choices({ report }: { readonly report: Report }) {
  const { search, granularity, change } = report
  const paths = usePathSuggestions(report)
  const { show = 'events' } = search
  return (
    <div className={styles['inline']}>
      <Select
        label="Measure"
        value={show}
        options={exploreMeasures.map((key) => [key, exploreMeasureNames[key]] as const)}
        onChange={(next) => {
          change({ show: next })
        }}
      />
      {statisticsFor(show, '$') !== null && (
        <TextField
          label="Value at"
          defaultValue={search.path ?? '$.value'}
          suggestions={paths}
          onBlur={({ target }) => {
            change({ path: target.value || undefined })
          }}
        />
      )}
      <TextField
        key={search.group}
        label="Group by (type, store or a path)"
        defaultValue={search.group ?? ''}
        placeholder="nothing"
        suggestions={['type', 'store', ...paths]}
        onChange={({ target }) => {
          if (['type', 'store', ...paths].includes(target.value)) change({ group: target.value })
        }}
        onBlur={({ target }) => {
          if (target.value !== (search.group ?? '')) change({ group: target.value || undefined })
        }}
      />
      <Select
        label="Points"
        value={granularity}
        options={granularities.map((key) => [key, granularityNames[key]] as const)}
        onChange={(next) => {
          change({ granularity: next })
        }}
      />
      <Select
        label="Drawn as"
        value={search.kind ?? 'line'}
        options={chartKinds.map((key) => [key, kindNames[key]] as const)}
        onChange={(kind) => {
          change({ kind })
        }}
      />
    </div>
  )
}

interface ResultProps {
  readonly report: Report
  readonly measure: ExploreMeasure
  readonly series: ExploreQuery['eventSeries']
}

function Result({ report: { search, change }, measure, series }: ResultProps) {
  const name = exploreMeasureNames[measure]
  const { kind = 'line' } = search
  const { chart, columns, rows } = useMemo(() => {
    const groups =
      series.groups.length === 0
        ? [{ name, points: series.points }]
        : series.groups.map(({ key, isOther, points }) => ({
            name: isOther ? 'all others' : (key ?? '(none)'),
            points,
          }))
    const labels = series.points.map(({ label }) => label)
    const lines = groups.map((group) => ({
      name: group.name,
      values: group.points.map((point) => measureOf(point, measure)),
    }))
    return {
      chart: {
        kind,
        labels,
        series: lines,
        format: formatNumber,
        isUnfinished: (series.points.at(-1)?.end ?? '') > series.asOf,
      },
      columns: [{ header: 'Period' }, ...lines.map((line) => ({ header: line.name, isNumber: true }))],
      rows: labels.map((label, at) => [label, ...lines.map(({ values }) => values[at] ?? null)]),
    }
  }, [series, measure, kind, name])
  return (
    <Exhibit
      title={name}
      chart={chart}
      columns={columns}
      rows={rows}
      isTable={search.table === true}
      onTable={(table) => {
        change({ table: table ? true : undefined })
      }}
    />
  )
}
