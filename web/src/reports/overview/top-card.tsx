import { useQuery } from '@tanstack/react-query'
import { BreakdownDocument } from '../../../generated/graph/graphql.ts'
import { graphQuery } from '../../graph/execute.ts'
import { Card } from '../../ui/card.tsx'
import { CsvButton } from '../../ui/exhibit.tsx'
import { TextField } from '../../ui/field.tsx'
import { formatShare, formatShort } from '../../ui/format.ts'
import { Empty, Failure, Loading, Withheld } from '../../ui/states.tsx'
import { withFilter } from '../report-bar.tsx'
import styles from '../reports.module.css'
import { groupByOf, usePathSuggestions } from '../suggestions.ts'
import type { Report } from '../use-report.ts'

interface Props {
  readonly report: Report
  readonly title: string
  /** `type`, or a JSONPath of `data`. */
  readonly path: string
  /** Lets the path be chosen. */
  readonly onPath?: (path: string) => void
}

/** The most frequent types or values; a click shows only events with one of them. */
export function TopCard({ report, title, path, onPath }: Props) {
  const { filter, timeZone } = report
  const breakdown = useQuery({
    ...graphQuery(BreakdownDocument, {
      filter,
      granularity: 'MONTH',
      timeZone,
      groupBy: groupByOf(path, 10),
    }),
    retry: false,
  })
  const groups = breakdown.data?.eventSeries.groups ?? []
  const rows = groups.map(({ key, isOther, totals }) => ({
    key,
    name: isOther
      ? `${String(breakdown.data?.eventSeries.beyondTop?.groups ?? '')} others`
      : (key ?? '(none)'),
    events: totals.events ?? null,
    users: totals.users ?? null,
  }))
  const all = rows.reduce((sum, { events }) => sum + (events ?? 0), 0)
  return (
    <Card
      title={title}
      actions={
        <CsvButton
          name={title}
          header={[path, 'Events', 'Users']}
          rows={rows.map(({ name, events, users }) => [name, events, users])}
        />
      }
    >
      {onPath && <PathField report={report} path={path} onPath={onPath} />}
      {breakdown.isPending && <Loading label="Counting" />}
      {breakdown.error && <Failure error={breakdown.error} />}
      {breakdown.data && rows.length === 0 && <Empty>There is nothing to count in this range.</Empty>}
      <ol className={styles['ranked']}>
        {rows.map(({ key, name, events }) => (
          <li key={name}>
            <span
              className={styles['rankedBar']}
              style={{ width: `${String(((events ?? 0) / Math.max(all, 1)) * 100)}%` }}
            />
            {key === null ? (
              <span>{name}</span>
            ) : (
              <button
                type="button"
                onClick={() => {
                  filterBy(report, path, key)
                }}
              >
                {name}
              </button>
            )}
            <span className={styles['rankedNumbers']}>
              {events === null ? (
                <Withheld />
              ) : (
                <>
                  <strong>{formatShort(events)}</strong>
                  <span className={styles['figureChange']}>{formatShare(events / Math.max(all, 1))}</span>
                </>
              )}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  )
}

function filterBy({ search, change }: Report, path: string, value: string): void {
  change({ filters: withFilter(search.filters ?? [], { path, value }) })
}

function PathField({
  report,
  path,
  onPath,
}: {
  report: Report
  path: string
  onPath: (path: string) => void
}) {
  const paths = usePathSuggestions(report)
  return (
    <TextField
      key={path}
      label="Value at"
      defaultValue={path}
      suggestions={paths}
      onChange={(event) => {
        // A suggestion that was chosen, not typed.
        if (paths.includes(event.target.value)) onPath(event.target.value)
      }}
      onKeyDown={({ key, currentTarget }) => {
        if (key === 'Enter' && currentTarget.value !== '') onPath(currentTarget.value)
      }}
      onBlur={({ target }) => {
        if (target.value !== '' && target.value !== path) onPath(target.value)
      }}
    />
  )
}
