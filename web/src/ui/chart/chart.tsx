import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { formatLabel, formatShort } from '../format.ts'
import { colorOf, stackAt, type ChartData } from './chart-data.ts'
import { Marks, type Frame } from './marks.tsx'
import { labelStep, scaleOf } from './scale.ts'
import styles from './chart.module.css'

interface Props {
  readonly data: ChartData
  /** What the chart shows, for screen readers. */
  readonly label: string
}

const left = 48
const right = 8
const bottom = 26
const top = 10

/** A chart of lines or bars. The pointer and the arrow keys choose a point, whose numbers are shown. */
export function Chart({ data, label }: Props) {
  const { labels, series, kind } = data
  const [element, { width, height }] = useSize()
  const [at, setAt] = useState<number>()
  const scale = scaleOf(
    kind === 'stacked'
      ? labels.flatMap((_, index) => stackAt(data, index).map(([, end]) => end))
      : series.flatMap(({ values }) => values),
  )
  const band = Math.max(width - left - right, 0) / Math.max(labels.length, 1)
  const frame: Frame = {
    band,
    baseline: top,
    x: (index) => left + band * (index + 0.5),
    y: (value) => top + (height - top - bottom) * (1 - (value - scale.low) / (scale.high - scale.low)),
  }
  const step = labelStep(labels.length, width - left)
  const severalDays = new Set(labels.map((one) => one.slice(0, 10))).size > 2

  const choose = ({ clientX, currentTarget }: PointerEvent) => {
    const index = Math.floor((clientX - currentTarget.getBoundingClientRect().left - left) / band)
    setAt(Math.min(Math.max(index, 0), labels.length - 1))
  }
  const move = (event: KeyboardEvent) => {
    const { key } = event
    const by = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0
    if (key === 'Escape') setAt(undefined)
    if (by === 0) return
    event.preventDefault()
    setAt((now) => Math.min(Math.max((now ?? (by > 0 ? -1 : labels.length)) + by, 0), labels.length - 1))
  }

  return (
    <div>
      {series.length > 1 && <Legend data={data} />}
      <div
        ref={element}
        className={styles['chart']}
        role="application"
        aria-label={label}
        tabIndex={0}
        onPointerMove={choose}
        onPointerDown={choose}
        onPointerLeave={() => {
          setAt(undefined)
        }}
        onKeyDown={move}
        onBlur={() => {
          setAt(undefined)
        }}
      >
        <svg width={width} height={height} aria-hidden="true">
          <defs>
            <pattern
              id="withheld"
              width="6"
              height="6"
              patternUnits="userSpaceOnUse"
              patternTransform="rotate(45)"
            >
              <rect width="2" height="6" className={styles['hatch']} />
            </pattern>
          </defs>
          {scale.ticks.map((tick) => (
            <g key={tick} className={styles['tick']}>
              <line x1={left} x2={width - right} y1={frame.y(tick)} y2={frame.y(tick)} />
              <text x={left - 8} y={frame.y(tick)} textAnchor="end" dominantBaseline="middle">
                {formatShort(tick)}
              </text>
            </g>
          ))}
          {labels.map((text, index) =>
            index % step === 0 ? (
              <text
                key={text}
                className={styles['label']}
                x={frame.x(index)}
                y={height - 6}
                textAnchor="middle"
              >
                {formatLabel(severalDays ? text.replace(/T.*/, '') : text)}
              </text>
            ) : null,
          )}
          {at !== undefined && (
            <line
              className={styles['cursor']}
              x1={frame.x(at)}
              x2={frame.x(at)}
              y1={top}
              y2={height - bottom}
            />
          )}
          <Marks data={data} frame={frame} at={at} />
        </svg>
        {at !== undefined && <Tooltip data={data} at={at} x={frame.x(at)} width={width} />}
      </div>
    </div>
  )
}

function Legend({ data }: { readonly data: ChartData }) {
  return (
    <ul className={styles['legend']}>
      {data.series.map(({ name, isComparison }, index) => (
        <li key={name}>
          <span
            className={isComparison ? styles['dash'] : styles['dot']}
            style={{ color: colorOf(data, index) }}
            aria-hidden="true"
          />
          {name}
        </li>
      ))}
    </ul>
  )
}

interface TooltipProps {
  readonly data: ChartData
  readonly at: number
  readonly x: number
  readonly width: number
}

/** The numbers of one point, read aloud as it is chosen by keys. */
function Tooltip({ data, at, x, width }: TooltipProps) {
  const side = x < width / 2 ? { left: x + 12 } : { right: width - x + 12 }
  return (
    <div className={styles['tooltip']} style={side} role="status">
      <strong>{data.labels[at]}</strong>
      {data.series.map(({ name, values }, index) => {
        const value = values[at]
        return (
          <div key={name}>
            <span className={styles['dot']} style={{ color: colorOf(data, index) }} aria-hidden="true" />
            {name}: <b>{value == null ? 'hidden' : data.format(value)}</b>
          </div>
        )
      })}
    </div>
  )
}

function useSize() {
  const element = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  useEffect(() => {
    if (element.current === null) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height })
    })
    observer.observe(element.current)
    return () => {
      observer.disconnect()
    }
  }, [])
  return [element, size] as const
}
