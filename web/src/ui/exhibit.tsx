import { lazy, Suspense, type ReactNode } from 'react'
import { Button } from './button.tsx'
import { Card } from './card.tsx'
import { Chart } from './chart/chart.tsx'
import type { ChartData } from './chart/chart-data.ts'
import { download, toCsv, type Cell } from './csv.ts'
import type { Column } from './data-table.tsx'
import { Loading } from './states.tsx'
import styles from '../reports/reports.module.css'

const DataTable = lazy(async () => ({ default: (await import('./data-table.tsx')).DataTable }))

interface Props {
  readonly title: string
  readonly chart: ChartData
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
  readonly isTable: boolean
  readonly onTable: (isTable: boolean) => void
  readonly actions?: ReactNode
  readonly note?: ReactNode
}

/** A chart whose numbers are a table one key away, and a file. */
export function Exhibit({ title, chart, columns, rows, isTable, onTable, actions, note }: Props) {
  const withheld = rows.some((row) => row.includes(null))
  return (
    <Card
      title={title}
      actions={
        <div className={styles['actions']}>
          {actions}
          <Button
            pressed={isTable}
            aria-keyshortcuts="t"
            onClick={() => {
              onTable(!isTable)
            }}
          >
            Table
          </Button>
          <CsvButton name={title} header={columns.map(({ header }) => header)} rows={rows} />
        </div>
      }
    >
      {isTable ? (
        <Suspense fallback={<Loading label="Loading" />}>
          <DataTable caption={title} columns={columns} rows={rows} />
        </Suspense>
      ) : (
        <Chart
          data={chart}
          label={`${title}: a chart with ${String(rows.length)} points. Press t for the numbers as a table.`}
        />
      )}
      {withheld && (
        <p className={styles['note']}>
          Where a number is hidden or missing, it is of too few users to be shown.
        </p>
      )}
      {note !== undefined && <p className={styles['note']}>{note}</p>}
    </Card>
  )
}

interface CsvProps {
  readonly name: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

export function CsvButton({ name, header, rows }: CsvProps) {
  const file = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.csv`
  return (
    <Button
      onClick={() => {
        download(file, 'text/csv', toCsv(header, rows))
      }}
    >
      CSV
    </Button>
  )
}
