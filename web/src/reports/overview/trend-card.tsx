import { useEffect, useMemo } from 'react'
import type { SeriesQuery, ValueSeriesQuery } from '../../../generated/graph/graphql.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Exhibit } from '../../ui/exhibit.tsx'
import { Select, TextField } from '../../ui/field.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Empty } from '../../ui/states.tsx'
import { daysIn, granularities, type Granularity } from '../range.ts'
import styles from '../reports.module.css'
import type { Measure } from '../search.ts'
import type { Report } from '../use-report.ts'
import { measureNames, sumOf } from './figures.tsx'

const granularityNames: Readonly<Record<Granularity, string>> = {
  HOUR: 'by hour',
  DAY: 'by day',
  WEEK: 'by week',
  MONTH: 'by month',
}

interface Props {
  readonly report: Report
  readonly series: SeriesQuery['eventSeries']
  readonly revenue: ValueSeriesQuery['eventSeries'] | undefined
}

type CountMeasure = Exclude<Measure, 'revenue'>

/** The chosen measure over time, beside the previous period. */
export function TrendCard({ report, series, revenue }: Props) {
  const { search, change } = report
  const measure = search.measure ?? 'events'
  const isTable = search.table === true
  useTableKey(() => {
    change({ table: isTable ? undefined : true })
  })
  const points = useMemo(
    () => (measure === 'revenue' ? revenuePoints(revenue) : countPoints(series, measure)),
    [series, revenue, measure],
  )
  const name = measureNames[measure]
  const chart = useMemo(
    () => ({
      kind: 'line' as const,
      labels: points.map(([label]) => label),
      series: [
        { name, values: points.map(([, now]) => now) },
        { name: 'Previous period', values: points.map(([, , before]) => before), isComparison: true },
      ],
      format: formatNumber,
      isUnfinished: (series.points.at(-1)?.end ?? '') > series.asOf,
    }),
    [points, name, series],
  )
  const columns = useMemo<Column[]>(
    () => [
      { header: 'Period' },
      { header: name, isNumber: true },
      { header: 'Previous period', isNumber: true },
    ],
    [name],
  )
  const actions = (
    <>
      {measure === 'revenue' && <RevenueOf report={report} />}
      <Select
        compact
        label="Granularity"
        value={report.granularity}
        options={granularitiesFor(report).map((key) => [key, granularityNames[key]] as const)}
        onChange={(granularity) => {
          change({ granularity })
        }}
      />
    </>
  )
  if (series.totals.events === 0)
    return <Empty>There are no events in this range. Choose a longer one, or remove filters.</Empty>
  return (
    <Exhibit
      title={name}
      chart={chart}
      columns={columns}
      rows={points}
      isTable={isTable}
      onTable={(table) => {
        change({ table: table ? true : undefined })
      }}
      actions={actions}
    />
  )
}

/** The key t switches between chart and table, except while somebody is typing. */
function useTableKey(toggle: () => void): void {
  useEffect(() => {
    const listen = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
      const typing =
        target instanceof HTMLElement && target.matches('input, select, textarea, [contenteditable]')
      if (key === 't' && !typing && !ctrlKey && !metaKey && !altKey) toggle()
    }
    addEventListener('keydown', listen)
    return () => {
      removeEventListener('keydown', listen)
    }
  })
}

/** Hours of a long range are more points than are answered or seen. */
const granularitiesFor = ({ range, granularity }: Report): readonly Granularity[] =>
  granularities.filter((key) => key === granularity || key !== 'HOUR' || daysIn(range) <= 31)

type Point = [string, number | null, number | null]

const countPoints = ({ points }: SeriesQuery['eventSeries'], measure: CountMeasure): Point[] =>
  points.map((point) => [
    point.label,
    valueOf(point, measure),
    point.previous ? valueOf(point.previous, measure) : null,
  ])

/** No events make no mean, which is nothing to hide. */
const valueOf = (
  counts: Partial<Record<CountMeasure, number | null>>,
  measure: CountMeasure,
): number | null => counts[measure] ?? (counts.events === 0 ? 0 : null)

const revenuePoints = (revenue: Props['revenue']): Point[] =>
  (revenue?.points ?? []).map((point) => [
    point.label,
    sumOf(point),
    point.previous?.statistics ? (point.previous.statistics.sum ?? 0) : null,
  ])

function RevenueOf({ report: { search, change } }: { readonly report: Report }) {
  return (
    <div className={styles['inline']}>
      <TextField
        label="Type"
        defaultValue={search.revenueType ?? 'purchase'}
        onBlur={(event) => {
          change({ revenueType: event.target.value || undefined })
        }}
      />
      <TextField
        label="Path"
        defaultValue={search.revenuePath ?? '$.value'}
        onBlur={(event) => {
          change({ revenuePath: event.target.value || undefined })
        }}
      />
    </div>
  )
}
