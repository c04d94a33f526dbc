import type { Sample } from './load.ts'

export type Row = readonly (string | number)[]

export interface Section {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** The ratios that count, in words. */
  readonly ratios: readonly string[]
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')

export const sampleColumns = ['requests/s', 'p50 ms', 'p99 ms', 'failed', 'CPU µs/request', 'peak MB']

/** A sample as cells of a table. */
export const cellsOf = ({ rate, p50, p99, failed, cpu, peak }: Sample): string[] => [
  whole(rate),
  String(p50),
  String(p99),
  String(failed),
  Object.entries(cpu)
    .filter(([, value]) => value >= 1)
    .map(([name, value]) => `${name} ${whole(value)}`)
    .join(', '),
  Object.entries(peak)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${name} ${whole(value)}`)
    .join(', '),
]

export const ratio = (what: string, a: number, b: number): string => `${what}: **${(a / b).toFixed(2)}**`

const line = (cells: Row): string => `| ${cells.join(' | ')} |`

/** Sections as Markdown, ratios first. */
export const toMarkdown = (sections: readonly Section[]): string =>
  [
    ...sections.flatMap(({ ratios }) => ratios).map((text) => `- ${text}`),
    ...sections.flatMap(({ title, columns, rows }) => [
      '',
      `### ${title}`,
      '',
      line(columns),
      line(columns.map(() => '---')),
      ...rows.map(line),
    ]),
  ].join('\n')
