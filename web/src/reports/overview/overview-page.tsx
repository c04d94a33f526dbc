import { useQuery } from '@tanstack/react-query'
import { SeriesDocument, ValueSeriesDocument } from '../../../generated/graph/graphql.ts'
import { graphQuery } from '../../graph/execute.ts'
import { Failure, Loading } from '../../ui/states.tsx'
import { AsOf } from '../as-of.tsx'
import { ReportBar } from '../report-bar.tsx'
import styles from '../reports.module.css'
import { useReport, type Report } from '../use-report.ts'
import { Figures } from './figures.tsx'
import { TrendCard } from './trend-card.tsx'
import { TopCard } from './top-card.tsx'

/** The type and path whose sum is the revenue. */
export const revenueOf = ({ search }: Report) => ({
  type: search.revenueType ?? 'purchase',
  path: search.revenuePath ?? '$.value',
})

/** The numbers of a shop, as one wants to see them every morning. */
export function OverviewPage() {
  const report = useReport()
  const { filter, granularity, timeZone, search, change } = report
  const { type, path } = revenueOf(report)
  const variables = { filter, granularity, timeZone }
  const series = useQuery(graphQuery(SeriesDocument, variables))
  // Filters on other types leave no revenue.
  const types = filter.types == null || filter.types.includes(type) ? [type] : ['']
  const revenue = useQuery({
    ...graphQuery(ValueSeriesDocument, {
      ...variables,
      filter: { ...filter, types },
      statisticsOf: { path, percentiles: [] },
    }),
    enabled: types[0] !== '',
    retry: false,
  })

  return (
    <>
      <ReportBar title="Overview" report={report} />
      {series.isPending && <Loading label="Counting" />}
      {series.error && <Failure error={series.error} onRetry={() => void series.refetch()} />}
      {series.data && (
        <>
          <Figures report={report} series={series.data.eventSeries} revenue={revenue} />
          <TrendCard report={report} series={series.data.eventSeries} revenue={revenue.data?.eventSeries} />
        </>
      )}
      <div className={styles['columns']}>
        <TopCard report={report} title="Top types" path="type" />
        <TopCard
          report={report}
          title="Top values"
          path={search.by ?? '$.country'}
          onPath={(by) => {
            change({ by })
          }}
        />
      </div>
      {series.data && <AsOf instant={series.data.eventSeries.asOf} timeZone={timeZone} />}
    </>
  )
}
