import { colorOf, stackAt, type ChartData } from './chart-data.ts'
import { linePath } from './scale.ts'
import styles from './chart.module.css'

/** Where points and values lie in the drawing. */
export interface Frame {
  /** Pixels between two points. */
  readonly band: number
  /** The upper edge. */
  readonly baseline: number
  readonly x: (index: number) => number
  readonly y: (value: number) => number
}

interface Props {
  readonly data: ChartData
  readonly frame: Frame
  readonly at: number | undefined
}

/** What the numbers look like. A withheld one is hatched, as zero is not. */
export function Marks({ data, frame, at }: Props) {
  const { kind, series, labels } = data
  return (
    <>
      <Withheld data={data} frame={frame} />
      {kind === 'stacked' && labels.map((label, index) => <Stack key={label} {...{ data, frame, index }} />)}
      {series.map(({ name, isComparison }, index) => {
        if (isComparison || kind === 'line') return <Line key={name} {...{ data, frame, at, index }} />
        return kind === 'bar' ? <Bars key={name} {...{ data, frame, index }} /> : null
      })}
    </>
  )
}

type MarkProps = Omit<Props, 'at'> & { readonly index: number }

function Withheld({ data: { series, labels }, frame }: Omit<Props, 'at'>) {
  const main = series.filter(({ isComparison }) => !isComparison)
  return labels.map((label, index) =>
    main.some(({ values }) => values[index] === null) ? (
      <rect
        key={label}
        className={styles['withheld']}
        x={frame.x(index) - frame.band / 2}
        width={frame.band}
        y={frame.y(0) - 22}
        height={22}
      />
    ) : null,
  )
}

function Line({ data, frame, at, index }: MarkProps & { readonly at: number | undefined }) {
  const { values = [], isComparison } = data.series[index] ?? {}
  const points = values.map((value, x) => (value === null ? null : ([frame.x(x), frame.y(value)] as const)))
  const color = colorOf(data, index)
  const path = linePath(points)
  const isUnfinished = data.isUnfinished === true && !isComparison && points.length > 1
  const finished = isUnfinished ? points.slice(0, -1) : points
  const [first, last] = [points.find((point) => point !== null), points.findLast((point) => point !== null)]
  const isFilled = index === 0 && !values.includes(null) && data.series.length <= 2 && first && last
  return (
    <g style={{ color }}>
      {isFilled && (
        <path
          className={styles['area']}
          d={`${path}L${String(last[0])} ${String(frame.y(0))}L${String(first[0])} ${String(frame.y(0))}Z`}
        />
      )}
      <path className={isComparison ? styles['comparison'] : styles['line']} d={linePath(finished)} />
      {isUnfinished && <path className={styles['unfinished']} d={linePath(points.slice(-2))} />}
      {points.map((point, x) => {
        // A point between two gaps has no line.
        const isAlone = point !== null && (points[x - 1] ?? null) === null && (points[x + 1] ?? null) === null
        return point !== null && (isAlone || x === at) ? (
          <circle key={x} className={styles['point']} cx={point[0]} cy={point[1]} r={4} />
        ) : null
      })}
    </g>
  )
}

function Bars({ data, frame, index }: MarkProps) {
  const bars = data.series.filter(({ isComparison }) => !isComparison).length
  const width = Math.min((frame.band * 0.7) / bars, 40)
  const values = data.series[index]?.values ?? []
  return values.map((value, x) =>
    value === null ? null : (
      <rect
        key={x}
        className={styles['bar']}
        style={{ color: colorOf(data, index) }}
        x={frame.x(x) + (index - bars / 2) * width}
        width={Math.max(width - 1, 1)}
        y={Math.min(frame.y(value), frame.y(0))}
        height={Math.abs(frame.y(value) - frame.y(0))}
        rx={Math.min(3, width / 4)}
      />
    ),
  )
}

function Stack({ data, frame, index }: MarkProps) {
  const width = Math.min(frame.band * 0.75, 40)
  return stackAt(data, index).map(([start, end], at) => (
    <rect
      key={at}
      className={styles['bar']}
      style={{ color: colorOf(data, at) }}
      x={frame.x(index) - width / 2}
      width={width}
      y={frame.y(end)}
      height={Math.max(frame.y(start) - frame.y(end), 0)}
    />
  ))
}
