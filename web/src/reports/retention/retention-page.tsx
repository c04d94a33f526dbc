import { useQuery } from '@tanstack/react-query'
import { RetentionDocument, type RetentionQuery } from '../../../generated/graph/graphql.ts'
import { graphQuery } from '../../graph/execute.ts'
import { Card } from '../../ui/card.tsx'
import { CsvButton } from '../../ui/exhibit.tsx'
import { formatNumber, formatShare } from '../../ui/format.ts'
import { Empty, Failure, Loading, Withheld } from '../../ui/states.tsx'
import ui from '../../ui/ui.module.css'
import { AsOf } from '../as-of.tsx'
import { ReportBar } from '../report-bar.tsx'
import { useReport } from '../use-report.ts'
import styles from './retention.module.css'

const weeks = 12

/** Which share of each week's new users comes back in the weeks after. */
export function RetentionPage() {
  const report = useReport()
  const { filter, timeZone } = report
  const result = useQuery({
    ...graphQuery(RetentionDocument, { filter, weeks, lookBackDays: 90, timeZone }),
    retry: false,
  })
  return (
    <>
      <ReportBar title="Retention" report={report} />
      {result.isPending && <Loading label="Counting" />}
      {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
      {result.data && (
        <>
          {result.data.retention.cohorts.length === 0 ? (
            <Empty>There is no whole week in this range. Choose a longer one.</Empty>
          ) : (
            <Grid cohorts={result.data.retention.cohorts} />
          )}
          <AsOf instant={result.data.retention.asOf} timeZone={timeZone} />
        </>
      )}
    </>
  )
}

function Grid({ cohorts }: { readonly cohorts: RetentionQuery['retention']['cohorts'] }) {
  const columns = Math.max(...cohorts.map((cohort) => cohort.weeks.length))
  const header = Array.from({ length: columns }, (_, week) => `Week ${String(week)}`)
  const rows = cohorts.map(({ label, users, weeks: after }) => [
    label,
    users ?? null,
    ...header.map((_, week) => after[week]?.users ?? null),
  ])
  return (
    <Card
      title="Weekly cohorts of new users"
      actions={<CsvButton name="Retention" header={['Cohort', 'New users', ...header]} rows={rows} />}
    >
      <p className={ui['muted']}>
        New are users without a fitting event in the 90 days before the range. Each cell is the share of the
        cohort that had an event in that week.
      </p>
      <div className={ui['tableWrap']} tabIndex={0} role="region" aria-label="Retention">
        <table className={styles['grid']}>
          <thead>
            <tr>
              <th scope="col">Week of</th>
              <th scope="col">New users</th>
              {header.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cohorts.map(({ label, date, users, weeks: after }) => (
              <tr key={label}>
                <th scope="row">{date}</th>
                <td>{users == null ? <Withheld /> : formatNumber(users)}</td>
                {after.map((cell) => (
                  <Cell key={cell.week} cell={cell} isEmpty={users === 0} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  )
}

type Week = RetentionQuery['retention']['cohorts'][number]['weeks'][number]

function Cell({ cell: { users, rate }, isEmpty }: { readonly cell: Week; readonly isEmpty: boolean }) {
  if (isEmpty) return <td>–</td>
  if (users == null || rate == null)
    return (
      <td>
        <Withheld />
      </td>
    )
  // Up to half of the colour, so that the text stays readable on it.
  const share = String(Math.round(8 + rate * 42))
  return (
    <td
      title={`${formatNumber(users)} users`}
      style={{ background: `color-mix(in srgb, var(--card), var(--series-1) ${share}%)` }}
    >
      {formatShare(rate)}
      <span className={styles['count']}>{formatNumber(users)}</span>
    </td>
  )
}
