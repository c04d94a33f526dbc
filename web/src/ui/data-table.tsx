import { useMemo } from 'react'
import {
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table'
import { formatNumber } from './format.ts'
import { Withheld } from './states.tsx'
import styles from './ui.module.css'
import type { Cell } from './csv.ts'

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic, alphanumeric: sortFn_alphanumeric },
})

export interface Column {
  readonly header: string
  readonly isNumber?: boolean
  readonly format?: ((value: number) => string) | undefined
}

interface Props {
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
}

type Row = readonly Cell[]

/** Numbers as a table that can be sorted. An absent number is one that was withheld. */
export function DataTable({ caption, columns, rows }: Props) {
  const definitions = useMemo(
    () =>
      columns.map(({ header, isNumber }, at) => ({
        id: `c${String(at)}`,
        header,
        accessorFn: (row: Row) => row[at],
        sortFn: isNumber ? ('basic' as const) : ('alphanumeric' as const),
      })),
    [columns],
  )
  const data = useMemo(() => [...rows], [rows])
  const table = useTable({ features, columns: definitions, data })
  return (
    <div className={styles['tableWrap']} tabIndex={0} role="region" aria-label={caption}>
      <table className={styles['table']}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {table.getFlatHeaders().map((header, at) => {
              const sorted = header.column.getIsSorted()
              return (
                <th
                  key={header.id}
                  scope="col"
                  className={columns[at]?.isNumber ? styles['number'] : undefined}
                  aria-sort={sorted === false ? 'none' : sorted === 'asc' ? 'ascending' : 'descending'}
                >
                  <button
                    type="button"
                    className={styles['sort']}
                    onClick={header.column.getToggleSortingHandler()}
                  >
                    {columns[at]?.header}
                    {sorted === false ? '' : sorted === 'asc' ? ' ↑' : ' ↓'}
                  </button>
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id}>
              {columns.map(({ isNumber, format = formatNumber }, at) => {
                const value = row.original[at] ?? null
                return (
                  <td key={at} className={isNumber ? styles['number'] : undefined}>
                    {value === null ? <Withheld /> : typeof value === 'number' ? format(value) : value}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
