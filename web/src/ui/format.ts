const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const share = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 })
const change = new Intl.NumberFormat('en', {
  style: 'percent',
  maximumFractionDigits: 0,
  signDisplay: 'exceptZero',
})

export const formatNumber = (value: number): string => (Number.isInteger(value) ? whole : exact).format(value)
export const formatShort = (value: number): string =>
  Math.abs(value) < 10_000 ? formatNumber(value) : short.format(value)
export const formatShare = (value: number): string => share.format(value)

/** The change from a previous value, or undefined where there is nothing to compare with. */
export function formatChange(
  current: number | null,
  previous: number | null | undefined,
): string | undefined {
  if (current === null || previous == null || previous === 0) return undefined
  return change.format(current / previous - 1)
}

/** An instant in the zone's calendar, to the minute. */
export const formatInstant = (instant: string, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone }).format(
    new Date(instant),
  )

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** How a point in time is written on an axis: `2026-10-01` as "1 Oct", an hour as "13:00". */
export function formatLabel(label: string): string {
  if (/^\d{4}-\d\d-\d\dT/.test(label)) return label.slice(11, 16)
  if (/^\d{4}-\d\d-\d\d$/.test(label)) return dayFormat.format(new Date(label))
  return label
}
