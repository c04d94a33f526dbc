export const granularities = ['HOUR', 'DAY', 'WEEK', 'MONTH'] as const
export type Granularity = (typeof granularities)[number]

/** Days of a calendar: the first, and the one after the last. */
export interface DayRange {
  readonly fromDay: string
  readonly toDay: string
}

export const presets = [
  ['today', 'Today'],
  ['yesterday', 'Yesterday'],
  ['7d', 'Last 7 days'],
  ['28d', 'Last 28 days'],
  ['90d', 'Last 90 days'],
  ['month', 'This month'],
  ['last-month', 'Last month'],
  ['year', 'This year'],
  ['custom', 'Custom range'],
] as const
export type Preset = (typeof presets)[number][0]

export const isPreset = (value: unknown): value is Preset => presets.some(([key]) => key === value)

/** The day it is in a time zone: `2026-11-23`. */
export const todayIn = (timeZone: string, now = new Date()): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    now,
  )

/** A day so many days later. */
export function addDays(day: string, days: number): string {
  const date = new Date(day)
  date.setUTCDate(date.getUTCDate() + days)
  return date.toISOString().slice(0, 10)
}

/** The first day of the month so many months later. */
function monthOf(day: string, months: number): string {
  const date = new Date(`${day.slice(0, 7)}-01`)
  date.setUTCMonth(date.getUTCMonth() + months)
  return date.toISOString().slice(0, 10)
}

export const daysIn = ({ fromDay, toDay }: DayRange): number =>
  Math.round((Date.parse(toDay) - Date.parse(fromDay)) / 86_400_000)

/** The days that a preset means today; a custom range without its days is that of 28 days. */
export function rangeOf(
  { range = '28d', from, to }: { range?: Preset; from?: string; to?: string },
  today: string,
): DayRange {
  const tomorrow = addDays(today, 1)
  const last = (days: number): DayRange => ({ fromDay: addDays(tomorrow, -days), toDay: tomorrow })
  switch (range) {
    case 'today':
      return last(1)
    case 'yesterday':
      return { fromDay: addDays(today, -1), toDay: today }
    case '7d':
      return last(7)
    case '28d':
      return last(28)
    case '90d':
      return last(90)
    case 'month':
      return { fromDay: monthOf(today, 0), toDay: tomorrow }
    case 'last-month':
      return { fromDay: monthOf(today, -1), toDay: monthOf(today, 0) }
    case 'year':
      return { fromDay: `${today.slice(0, 4)}-01-01`, toDay: tomorrow }
    case 'custom':
      return from === undefined || to === undefined || to < from
        ? last(28)
        : { fromDay: from, toDay: addDays(to, 1) }
  }
}

/** The granularity that shows a range in some twenty to a hundred points. */
export function defaultGranularity(range: DayRange): Granularity {
  const days = daysIn(range)
  if (days <= 2) return 'HOUR'
  if (days <= 92) return 'DAY'
  return days <= 400 ? 'WEEK' : 'MONTH'
}
