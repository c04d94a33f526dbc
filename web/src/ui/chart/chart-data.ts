export interface ChartSeries {
  readonly name: string
  /** Null: withheld. */
  readonly values: readonly (number | null)[]
  /** Drawn dashed and pale: a period to compare with. */
  readonly isComparison?: boolean
}

export interface ChartData {
  readonly kind: 'line' | 'bar' | 'stacked'
  /** The points of the horizontal axis, as the graph labels them. */
  readonly labels: readonly string[]
  readonly series: readonly ChartSeries[]
  readonly format: (value: number) => string
  /** The last point is of a period that has not ended yet. */
  readonly isUnfinished?: boolean
}

/** The colour of the series at a place. */
export const colorOf = (data: ChartData, at: number): string =>
  data.series[at]?.isComparison ? 'var(--field)' : `var(--series-${String((at % 8) + 1)})`

/** What each series adds to the bar of a point, from bottom to top: `[start, end]`. */
export function stackAt({ series }: ChartData, index: number): readonly (readonly [number, number])[] {
  let top = 0
  return series.map(({ values }) => {
    const bottom = top
    top += values[index] ?? 0
    return [bottom, top] as const
  })
}
