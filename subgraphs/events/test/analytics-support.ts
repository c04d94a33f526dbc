import type { SignedInCaller } from '@user-stats/core'
import type { Harness } from './harness.ts'

/** An event, as both the model and the service represent it. */
export interface Sent {
  readonly storeId: number
  readonly type: string
  readonly userId: string
  readonly at: number
  readonly data: Record<string, unknown>
}

/** Records events at their instants. */
export async function recordAll(events: Harness, sent: readonly Sent[]): Promise<void> {
  for (let at = 0; at < sent.length; at += 1_000) {
    const { body } = await events.graphql(
      events.admin,
      'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { rejectedCount } }',
      {
        input: {
          events: sent.slice(at, at + 1_000).map((event) => ({
            storeId: event.storeId,
            type: event.type,
            userId: event.userId,
            data: event.data,
            occurredAt: new Date(event.at).toISOString(),
          })),
        },
      },
    )
    if (body.data?.recordEvents.rejectedCount !== 0) throw new Error(JSON.stringify(body))
  }
}

export const measures = 'start end date label events users eventsPerUser'
const numbers = 'count sum mean min max percentiles { fraction value }'
export const seriesQuery = `query(
  $filter: EventFilterInput!, $granularity: Granularity!, $timeZone: String! = "UTC", $groupBy: EventGroupByInput,
  $statisticsOf: EventStatisticsInput, $compare: Boolean! = false
) {
  eventSeries(filter: $filter, granularity: $granularity, timeZone: $timeZone, groupBy: $groupBy,
              statisticsOf: $statisticsOf, compareWithPrevious: $compare) {
    asOf timeZone granularity exact from to rankedBy beyondTop { groups events }
    points { ${measures} statistics { ${numbers} } previous { ${measures} statistics { ${numbers} } } }
    totals { ${measures} statistics { ${numbers} } previous { ${measures} } }
    groups { key isOther points { ${measures} statistics { ${numbers} } } totals { ${measures} previous { ${measures} } } }
  }
}`

/** Requests a series with all fields. */
export async function seriesOf(events: Harness, caller: SignedInCaller, variables: Record<string, unknown>) {
  const { body } = await events.graphql(caller, seriesQuery, variables)
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors))
  return body.data.eventSeries
}

const formats = new Map<string, Intl.DateTimeFormat>()
function partsOf(at: number, timeZone: string): Record<string, string> {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      timeZoneName: 'longOffset',
    })
    formats.set(timeZone, format)
  }
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
}

/** The calendar's name of the hour, day, week or month of an instant: by JavaScript's time zones. */
export function nameOf(at: number, timeZone: string, granularity: string): string {
  const { year, month, day, hour, timeZoneName } = partsOf(at, timeZone)
  const date = `${String(year)}-${String(month)}-${String(day)}`
  if (granularity === 'HOUR') return `${date} ${String(hour)} ${String(timeZoneName)}`
  if (granularity === 'DAY') return date
  if (granularity === 'MONTH') return date.slice(0, 7)
  const days = Date.parse(date) / 86_400_000
  // 1970-01-01 was a Thursday.
  return String(Math.floor((days + 3) / 7))
}

const dayMs = 86_400_000
const mondayOf = (ms: number): number => ms - ((Math.floor(ms / dayMs) + 3) % 7) * dayMs

/**
 * The date and the label of a part that starts at an instant: by JavaScript's time zones, and week 1 by 4
 * January.
 */
export function namedBy(at: number, timeZone: string, granularity: string): { date: string; label: string } {
  const date = nameOf(at, timeZone, 'DAY')
  if (granularity === 'HOUR') {
    const { hour, minute, second, fractionalSecond, timeZoneName } = partsOf(at, timeZone)
    const [seconds, thousandths] = [`:${String(second)}`, `.${String(fractionalSecond)}`]
    const rest = thousandths === '.000' ? (seconds === ':00' ? '' : seconds) : seconds + thousandths
    const offset = String(timeZoneName).replace('GMT', '') || '+00:00'
    return { date, label: `${date}T${String(hour)}:${String(minute)}${rest}${offset}` }
  }
  if (granularity !== 'WEEK') return { date, label: nameOf(at, timeZone, granularity) }
  const monday = mondayOf(Date.parse(date))
  const year = [1, 0, -1]
    .map((more) => new Date(monday).getUTCFullYear() + more)
    .find((one) => mondayOf(Date.UTC(one, 0, 4)) <= monday)
  const week = 1 + (monday - mondayOf(Date.UTC(Number(year), 0, 4))) / (7 * dayMs)
  return { date, label: `${String(year)}-W${String(week).padStart(2, '0')}` }
}

/** For several parts: the date of the first, and the labels of the first and the last. */
export function namedByAll(starts: readonly number[], timeZone: string, granularity: string) {
  const [first, last] = [starts[0] ?? NaN, starts.at(-1) ?? NaN].map((at) =>
    namedBy(at, timeZone, granularity),
  )
  const label = first?.label === last?.label ? first?.label : `${String(first?.label)}/${String(last?.label)}`
  return { date: first?.date, label }
}

const quarter = 900_000

/** The bounds of a range and its parts: searched at every quarter of an hour. */
export function boundsOf(from: number, to: number, timeZone: string, granularity: string): number[] {
  const bounds = [from]
  let name = nameOf(from, timeZone, granularity)
  for (let at = (Math.floor(from / quarter) + 1) * quarter; at < to; at += quarter) {
    const next = nameOf(at, timeZone, granularity)
    if (next !== name) bounds.push(at)
    name = next
  }
  return [...bounds, to]
}

/** Events and distinct users of some events; over stores users are summed. */
export function counted(sent: readonly Sent[]) {
  const users = new Set(sent.map(({ storeId, userId }) => `${String(storeId)} ${userId}`)).size
  return { events: sent.length, users, eventsPerUser: users === 0 ? null : sent.length / users }
}

/** Events from one instant until before another. */
export const between = (sent: readonly Sent[], from: number, to: number): Sent[] =>
  sent.filter(({ at }) => at >= from && at < to)
