import type { UseQueryResult } from '@tanstack/react-query'
import type { SeriesQuery, ValueSeriesQuery } from '../../../generated/graph/graphql.ts'
import { formatChange, formatNumber, formatShort } from '../../ui/format.ts'
import { Withheld } from '../../ui/states.tsx'
import styles from '../reports.module.css'
import type { Measure } from '../search.ts'
import type { Report } from '../use-report.ts'

export const measureNames: Readonly<Record<Measure, string>> = {
  events: 'Events',
  users: 'Users',
  eventsPerUser: 'Events per user',
  revenue: 'Revenue',
}

interface Props {
  readonly report: Report
  readonly series: SeriesQuery['eventSeries']
  readonly revenue: UseQueryResult<ValueSeriesQuery>
}

/** The totals of the range with their change; each chooses what the chart shows. */
export function Figures({ report, series: { totals }, revenue }: Props) {
  const value = revenue.data?.eventSeries.totals
  return (
    <div className={styles['figures']} role="group" aria-label="Totals">
      <Figure measure="events" report={report} now={totals.events} before={totals.previous?.events} />
      <Figure measure="users" report={report} now={totals.users} before={totals.previous?.users} />
      <Figure
        measure="eventsPerUser"
        report={report}
        now={totals.events === 0 ? 0 : totals.eventsPerUser}
        before={totals.previous?.eventsPerUser}
      />
      <Figure
        measure="revenue"
        report={report}
        now={value === undefined ? undefined : sumOf(value)}
        before={value?.previous ? sumOf(value.previous) : undefined}
        unavailable={revenue.error?.message}
      />
    </div>
  )
}

/** The sum of a period: 0 without events, null where it is withheld. */
export const sumOf = ({
  events,
  statistics,
}: {
  readonly events?: number | null
  readonly statistics?: { readonly sum?: number | null } | null
}): number | null => statistics?.sum ?? (events === 0 || (events != null && statistics != null) ? 0 : null)

interface FigureProps {
  readonly measure: Measure
  readonly report: Report
  /** Null: withheld; undefined: not known. */
  readonly now: number | null | undefined
  readonly before: number | null | undefined
  readonly unavailable?: string | undefined
}

function Figure({ measure, report: { search, change }, now, before, unavailable }: FigureProps) {
  const difference = now === undefined ? undefined : formatChange(now, before)
  return (
    <button
      type="button"
      className={styles['figure']}
      aria-pressed={(search.measure ?? 'events') === measure}
      onClick={() => {
        change({ measure })
      }}
    >
      <span className={styles['figureName']}>{measureNames[measure]}</span>
      <span className={styles['figureValue']} {...(now != null && { title: formatNumber(now) })}>
        {now === undefined ? '–' : now === null ? <Withheld /> : formatShort(now)}
      </span>
      <span className={styles['figureChange']}>
        {unavailable !== undefined ? (
          <span title={unavailable}>not available: {unavailable.split('. ')[0]}</span>
        ) : difference === undefined ? (
          'no earlier numbers'
        ) : (
          <Change text={difference} />
        )}
      </span>
    </button>
  )
}

function Change({ text }: { readonly text: string }) {
  const tone = text.startsWith('+') ? styles['up'] : text.startsWith('-') ? styles['down'] : undefined
  return (
    <>
      <span className={tone}>{text}</span> vs previous period
    </>
  )
}
