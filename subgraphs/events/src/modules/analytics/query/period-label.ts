import { dayMs } from '@user-stats/core'

/** The unit of the parts of a range. */
export type Unit = 'hour' | 'day' | 'week' | 'month'

/** The start of a part, as an instant and in the calendar of a time zone. */
export interface PeriodStart {
  /** Milliseconds since 1970. */
  readonly start: number
  /** The local time of `start`, in milliseconds as if it were UTC. */
  readonly clock: number
  /** Start of the calendar's hour, day, week or month the part lies in, in milliseconds as if it were UTC. */
  readonly unitStart: number
}

/** The name of a part in the calendar of a time zone. */
export interface PeriodName {
  /** Its first day, `2026-10-01`. */
  readonly date: string
  readonly label: string
}

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
const padded = (number: number): string => String(number).padStart(2, '0')

/** Names a part as ISO 8601 does: `2026-10-01T13:00+02:00`, `2026-10-01`, `2026-W40` or `2026-10`. */
export function nameOf(unit: Unit, { start, clock, unitStart }: PeriodStart): PeriodName {
  switch (unit) {
    case 'hour':
      return { date: isoDay(clock), label: `${isoTime(clock)}${isoOffset(clock - start)}` }
    case 'day':
      return { date: isoDay(unitStart), label: isoDay(unitStart) }
    case 'week':
      return { date: isoDay(clock), label: isoWeek(unitStart) }
    case 'month':
      return { date: isoDay(clock), label: isoDay(unitStart).slice(0, 7) }
  }
}

/** Names a range after its first and last part: `2026-10-01/2026-10-31`. */
export function nameOfAll(names: readonly PeriodName[]): PeriodName {
  const [first, last] = [names[0], names.at(-1)]
  if (first === undefined || last === undefined) throw new Error('a range has parts')
  return {
    date: first.date,
    label: first.label === last.label ? first.label : `${first.label}/${last.label}`,
  }
}

/** Seconds are omitted when zero. */
const isoTime = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .slice(0, -1)
    .replace(/(:00)?\.000$/, '')

/** Offsets before about 1970 may have seconds. */
function isoOffset(ms: number): string {
  const seconds = Math.abs(ms) / 1_000
  const parts = [seconds / 3_600, (seconds / 60) % 60, ...(seconds % 60 === 0 ? [] : [seconds % 60])]
  return `${ms < 0 ? '-' : '+'}${parts.map((part) => padded(Math.floor(part))).join(':')}`
}

/** The week of a Monday: the first week of a year is that of its first Thursday. */
function isoWeek(monday: number): string {
  const thursday = new Date(monday + 3 * dayMs)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * dayMs)) + 1
  return `${String(year)}-W${padded(week)}`
}
