import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FunnelDocument, type FunnelQuery } from '../../../generated/graph/graphql.ts'
import { graphQuery } from '../../graph/execute.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { CsvButton } from '../../ui/exhibit.tsx'
import { Select, TextField } from '../../ui/field.tsx'
import { formatNumber, formatShare } from '../../ui/format.ts'
import { Empty, Failure, Loading, Withheld } from '../../ui/states.tsx'
import { AsOf } from '../as-of.tsx'
import { ReportBar } from '../report-bar.tsx'
import styles from '../reports.module.css'
import { useValueSuggestions } from '../suggestions.ts'
import { useReport, type Report } from '../use-report.ts'
import funnel from './funnel.module.css'

const defaultSteps = ['view', 'add_to_cart', 'purchase']

/** How many users take one step after the other. */
export function FunnelPage() {
  const report = useReport()
  const { filter, timeZone, search } = report
  const steps = search.steps ?? defaultSteps
  const result = useQuery({
    ...graphQuery(FunnelDocument, {
      filter: { ...filter, types: null },
      steps: steps.map((type) => ({ types: [type], name: type })),
      withinSeconds: (search.within ?? 7) * 86_400,
      timeZone,
    }),
    enabled: steps.length > 1,
    placeholderData: keepPreviousData,
    retry: false,
  })
  return (
    <>
      <ReportBar title="Funnel" report={report} />
      <Card title="Steps">
        <Steps report={report} steps={steps} />
      </Card>
      {steps.length < 2 && <Empty>A funnel has at least two steps. Add one.</Empty>}
      {result.isLoading && <Loading label="Counting" />}
      {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
      {result.data && (
        <>
          <Result steps={result.data.funnel.steps} />
          <AsOf instant={result.data.funnel.asOf} timeZone={timeZone} />
        </>
      )}
    </>
  )
}

function Steps({ report, steps }: { readonly report: Report; readonly steps: readonly string[] }) {
  const { search, change } = report
  const types = useValueSuggestions({ ...report, filter: { ...report.filter, types: null } }, 'type')
  const set = (next: readonly string[]) => {
    change({ steps: next })
  }
  return (
    <div className={styles['inline']}>
      {steps.map((type, at) => (
        <div key={`${String(at)} ${type}`} className={funnel['step']}>
          <TextField
            label={`Step ${String(at + 1)}`}
            defaultValue={type}
            suggestions={types}
            onBlur={({ target }) => {
              if (target.value !== '' && target.value !== type) set(steps.with(at, target.value))
            }}
          />
          {steps.length > 2 && (
            <Button
              look="quiet"
              aria-label={`Remove step ${String(at + 1)}`}
              onClick={() => {
                set(steps.toSpliced(at, 1))
              }}
            >
              ×
            </Button>
          )}
        </div>
      ))}
      {steps.length < 10 && (
        <Button
          onClick={() => {
            set([...steps, types.find((type) => !steps.includes(type)) ?? 'purchase'])
          }}
        >
          + Step
        </Button>
      )}
      <Select
        label="Within"
        value={String(search.within ?? 7)}
        options={[1, 7, 14, 30, 90].map(
          (days) => [String(days), days === 1 ? '1 day' : `${String(days)} days`] as const,
        )}
        onChange={(days) => {
          change({ within: Number(days) })
        }}
      />
    </div>
  )
}

function Result({ steps }: { readonly steps: FunnelQuery['funnel']['steps'] }) {
  const rows = steps.map(({ name, users, conversion, conversionFromPrevious }) => [
    name,
    users ?? null,
    conversion ?? null,
    conversionFromPrevious ?? null,
  ])
  return (
    <Card
      title="Conversion"
      actions={
        <CsvButton
          name="Funnel"
          header={['Step', 'Users', 'Of the first step', 'Of the step before']}
          rows={rows}
        />
      }
    >
      <ol className={funnel['funnel']}>
        {steps.map(({ name, users, conversion, conversionFromPrevious }, at) => (
          <li key={`${String(at)} ${name}`}>
            <div className={funnel['head']}>
              <strong>{name}</strong>
              <span>
                {users == null ? <Withheld /> : `${formatNumber(users)} users`}
                {conversion != null && ` · ${formatShare(conversion)} of all`}
              </span>
            </div>
            <div className={funnel['track']}>
              <div className={funnel['fill']} style={{ width: `${String((conversion ?? 0) * 100)}%` }} />
            </div>
            {at > 0 && conversionFromPrevious != null && (
              <p className={styles['note']}>
                {formatShare(conversionFromPrevious)} of the step before,{' '}
                {formatShare(1 - conversionFromPrevious)} left
              </p>
            )}
          </li>
        ))}
      </ol>
    </Card>
  )
}
