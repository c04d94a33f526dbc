import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { StoreNamesDocument } from '../../generated/graph/graphql.ts'
import { graphQuery } from '../graph/execute.ts'
import { useSession } from '../session/session.ts'
import { Button } from '../ui/button.tsx'
import { Select } from '../ui/field.tsx'
import { FilterBuilder } from './filter-builder.tsx'
import { addDays, presets } from './range.ts'
import styles from './reports.module.css'
import { defaultTimeZone, type Report } from './use-report.ts'

/** The title of a report, and what it is about: store, range, time zone and filters. */
export function ReportBar({ title, report }: { readonly title: string; readonly report: Report }) {
  const { search, range, timeZone, change } = report
  return (
    <div className={styles['bar']}>
      <div className={styles['barHead']}>
        <h1>{title}</h1>
        <div className={styles['controls']}>
          <StoreSelect report={report} />
          <Select
            compact
            label="Range"
            value={search.range ?? '28d'}
            options={presets}
            onChange={(next) => {
              // A custom range starts with the days that are shown.
              const days = { from: range.fromDay, to: addDays(range.toDay, -1) }
              change(
                next === 'custom'
                  ? { range: next, ...days }
                  : { range: next, from: undefined, to: undefined },
              )
            }}
          />
          <TimeZoneSelect
            value={timeZone}
            onChange={(tz) => {
              change({ tz })
            }}
          />
          <CopyLink />
        </div>
      </div>
      {search.range === 'custom' && <CustomDays report={report} />}
      <Filters report={report} />
    </div>
  )
}

function StoreSelect({ report }: { readonly report: Report }) {
  const { session } = useSession()
  const stores = useQuery({ ...graphQuery(StoreNamesDocument, {}), enabled: session.storeId === null })
  if (session.storeId !== null) return null
  const names = (stores.data?.stores.nodes ?? []).map(({ id, name }) => [String(id), name] as const)
  return (
    <Select
      compact
      label="Store"
      value={report.storeId === null ? '' : String(report.storeId)}
      options={[['', 'All stores'], ...names]}
      onChange={(id) => {
        report.change({ store: id === '' ? undefined : Number(id) })
      }}
    />
  )
}

const zones = Intl.supportedValuesOf('timeZone')

function TimeZoneSelect({
  value,
  onChange,
}: {
  readonly value: string
  readonly onChange: (zone: string) => void
}) {
  const options = [...new Set([defaultTimeZone, value, 'UTC', ...zones])].map((zone) => [zone, zone] as const)
  return <Select compact label="Time zone" value={value} options={options} onChange={onChange} />
}

function CopyLink() {
  const [copied, setCopied] = useState(false)
  return (
    <Button
      onClick={() => {
        void navigator.clipboard.writeText(location.href).then(() => {
          setCopied(true)
        })
        setTimeout(() => {
          setCopied(false)
        }, 2_000)
      }}
    >
      {copied ? 'Link copied' : 'Copy link'}
    </Button>
  )
}

function CustomDays({ report: { search, change } }: { readonly report: Report }) {
  return (
    <div className={styles['days']}>
      <label>
        First day{' '}
        <input
          type="date"
          value={search.from ?? ''}
          max={search.to}
          onChange={(event) => {
            change({ from: event.target.value })
          }}
        />
      </label>
      <label>
        Last day{' '}
        <input
          type="date"
          value={search.to ?? ''}
          min={search.from}
          onChange={(event) => {
            change({ to: event.target.value })
          }}
        />
      </label>
    </div>
  )
}

function Filters({ report }: { readonly report: Report }) {
  const filters = report.search.filters ?? []
  const set = (next: typeof filters) => {
    report.change({ filters: next.length === 0 ? undefined : next })
  }
  return (
    <div className={styles['filters']}>
      {filters.map((filter) => (
        <span key={`${filter.path} ${filter.value}`} className={styles['chip']}>
          {filter.path} is {filter.value}
          <button
            type="button"
            aria-label={`Remove the filter ${filter.path} is ${filter.value}`}
            onClick={() => {
              set(filters.filter((one) => one !== filter))
            }}
          >
            ×
          </button>
        </span>
      ))}
      <FilterBuilder
        report={report}
        onAdd={(filter) => {
          set(withFilter(filters, filter))
        }}
      />
    </div>
  )
}

type FilterList = NonNullable<Report['search']['filters']>

/** The filters with one more, once. */
export const withFilter = (filters: FilterList, added: FilterList[number]): FilterList =>
  filters.some(({ path, value }) => path === added.path && value === added.value)
    ? filters
    : [...filters, added]
