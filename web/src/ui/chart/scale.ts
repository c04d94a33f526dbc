/** A vertical axis from `low` to `high`, both of them among its ticks. */
export interface Scale {
  readonly low: number
  readonly high: number
  readonly ticks: readonly number[]
}

/**
 * Some four steps of 1, 2, 2.5 or 5 times a power of ten, from zero or below to the largest value or above.
 */
export function scaleOf(values: readonly (number | null)[]): Scale {
  const known = values.filter((value) => value !== null)
  const max = Math.max(0, ...known)
  const min = Math.min(0, ...known)
  const rough = (max - min || 1) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough) ?? 10) * power
  const first = Math.floor(min / step)
  const last = Math.max(Math.ceil(max / step), first + 1)
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step)
  return { low: first * step, high: last * step, ticks }
}

/** Which labels of an axis are written, so that they do not overlap. */
export function labelStep(count: number, width: number, labelWidth = 64): number {
  return Math.max(1, Math.ceil((count * labelWidth) / Math.max(width, 1)))
}

/** The lines of a series as SVG paths: a gap in the values is a gap in the line. */
export function linePath(points: readonly (readonly [x: number, y: number] | null)[]): string {
  let path = ''
  let drawing = false
  for (const point of points) {
    if (point !== null) path += `${drawing ? 'L' : 'M'}${point[0].toFixed(1)} ${point[1].toFixed(1)}`
    drawing = point !== null
  }
  return path
}
