import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { boundsOf, namedBy, namedByAll } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
  await events.introduce(1)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const named = 'start end date label'
const query = `query($filter: EventFilterInput!, $granularity: Granularity!, $timeZone: String!) {
  eventSeries(filter: $filter, granularity: $granularity, timeZone: $timeZone, compareWithPrevious: true) {
    points { ${named} events previous { ${named} } } totals { ${named} previous { ${named} } }
  }
}`
async function seriesOf(filter: object, granularity: string, timeZone: string) {
  const { body } = await events.graphql(events.store(1), query, { filter, granularity, timeZone })
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors))
  return body.data.eventSeries
}

const dayMs = 86_400_000
// Offsets of whole, half and quarter hours; clock changes by an hour or half of one, by day, at night or at
// midnight.
const zones = [
  'UTC',
  'Africa/Cairo',
  'Africa/Casablanca',
  'America/Asuncion',
  'America/Caracas',
  'America/Havana',
  'America/Los_Angeles',
  'America/Santiago',
  'America/Sao_Paulo',
  'Asia/Amman',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Pyongyang',
  'Asia/Tehran',
  'Atlantic/Azores',
  'Australia/Adelaide',
  'Australia/Eucla',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'Europe/Dublin',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Pacific/Marquesas',
]
const longest = { HOUR: 4, DAY: 40, WEEK: 120, MONTH: 500 } as const

test('points are named by the calendar of their time zone, whatever its clock does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...zones),
      fc.constantFrom('HOUR', 'DAY', 'WEEK', 'MONTH'),
      // Of later years PostgreSQL and Node may have different editions of the time zone database.
      fc.integer({ min: Date.UTC(2008, 0, 1) / 900_000, max: Date.UTC(2025, 0, 1) / 900_000 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.constantFrom(0, 0, 1, 59_999),
      async (zone, granularity, quarter, share, odd) => {
        const from = quarter * 900_000 + odd
        const to = from + Math.ceil(share * longest[granularity] * 96) * 900_000
        const filter = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
        const { points, totals } = await seriesOf(filter, granularity, zone)
        const bounds = boundsOf(from, to, zone, granularity)
        const starts = bounds.slice(0, -1)
        expect(points).toEqual(
          starts.map((start, at) => ({
            start: new Date(start).toISOString(),
            end: new Date(bounds[at + 1] ?? 0).toISOString(),
            ...namedBy(start, zone, granularity),
            events: 0,
            previous: expect.anything(),
          })),
        )
        expect(totals).toMatchObject(namedByAll(starts, zone, granularity))
        for (const { previous } of points)
          // A skipped day has a name but no time in it.
          if (previous.start < previous.end)
            expect(previous).toMatchObject(namedBy(Date.parse(previous.start), zone, granularity))
      },
    ),
    { numRuns: 100 },
  )
})

test.each([
  // A day of Berlin begins on the day before in UTC.
  ['Europe/Berlin', 'DAY', '2026-10-01', '2026-10-02', ['2026-10-01'], '2026-09-30T22:00:00.000Z'],
  ['America/Los_Angeles', 'DAY', '2026-10-01', '2026-10-02', ['2026-10-01'], '2026-10-01T07:00:00.000Z'],
  ['Asia/Kathmandu', 'MONTH', '2026-09-01', '2026-11-01', ['2026-09', '2026-10'], '2026-08-31T18:15:00.000Z'],
  [
    'Pacific/Chatham',
    'WEEK',
    '2026-12-21',
    '2027-01-11',
    ['2026-W52', '2026-W53', '2027-W01'],
    '2026-12-20T10:15:00.000Z',
  ],
  // Clocks are set to 1:00 at midnight, and back to 23:00.
  ['Asia/Beirut', 'DAY', '2026-03-29', '2026-03-30', ['2026-03-29'], '2026-03-28T22:00:00.000Z'],
  [
    'America/Santiago',
    'DAY',
    '2026-04-04',
    '2026-04-06',
    ['2026-04-04', '2026-04-05'],
    '2026-04-04T03:00:00.000Z',
  ],
  // Samoa had no 30 December 2011.
  [
    'Pacific/Apia',
    'DAY',
    '2011-12-29',
    '2012-01-01',
    ['2011-12-29', '2011-12-31'],
    '2011-12-29T10:00:00.000Z',
  ],
])('%s by %s from %s until before %s', async (zone, granularity, fromDay, toDay, labels, start) => {
  const { points } = await seriesOf({ fromDay, toDay }, granularity, zone)
  expect(points.map(({ label }: { label: string }) => label)).toEqual(labels)
  expect(points[0]).toMatchObject({ start, date: fromDay })
})

test('repeated hours have different labels, and each label is the instant it starts at', async () => {
  const labelsOf = async (zone: string, day: string): Promise<string[]> => {
    const toDay = new Date(Date.parse(day) + dayMs).toISOString().slice(0, 10)
    const { points } = await seriesOf({ fromDay: day, toDay }, 'HOUR', zone)
    for (const { start, date, label } of points)
      expect([new Date(label).toISOString(), date]).toEqual([start, label.slice(0, 10)])
    return points.map(({ label }: { label: string }) => label.slice(11))
  }
  expect((await labelsOf('Europe/Berlin', '2026-10-25')).slice(1, 5)).toEqual([
    '01:00+02:00',
    '02:00+02:00',
    '02:00+01:00',
    '03:00+01:00',
  ])
  expect((await labelsOf('Australia/Lord_Howe', '2026-04-05')).slice(0, 4)).toEqual([
    '00:00+11:00',
    '01:00+11:00',
    '01:30+10:30',
    '02:00+10:30',
  ])
  expect((await labelsOf('America/Santiago', '2026-04-04')).slice(-2)).toEqual(['23:00-03:00', '23:00-04:00'])
  expect((await labelsOf('Asia/Beirut', '2026-03-29'))[0]).toBe('01:00+03:00')
})

test('a truncated part keeps the name of the whole; its date is the day it starts on', async () => {
  const filter = { from: '2026-10-07T22:30:00Z', to: '2026-11-03T00:00:00Z' }
  const nameOf = ({ date, label }: { date: string; label: string }) => [date, label]
  const weeks = await seriesOf(filter, 'WEEK', 'Europe/Berlin')
  expect(nameOf(weeks.points[0])).toEqual(['2026-10-08', '2026-W41'])
  expect(nameOf(weeks.points[1])).toEqual(['2026-10-12', '2026-W42'])
  expect(nameOf(weeks.totals)).toEqual(['2026-10-08', '2026-W41/2026-W45'])
  expect(nameOf(weeks.totals.previous)).toEqual(['2026-09-10', '2026-W37/2026-W41'])
  const months = await seriesOf(filter, 'MONTH', 'Europe/Berlin')
  expect(months.points.map(nameOf)).toEqual([
    ['2026-10-08', '2026-10'],
    ['2026-11-01', '2026-11'],
  ])
  const hours = await seriesOf(
    { from: '2026-10-07T22:30:30Z', to: '2026-10-07T22:45:00Z' },
    'HOUR',
    'Europe/Berlin',
  )
  expect(nameOf(hours.totals)).toEqual(['2026-10-08', '2026-10-08T00:30:30+02:00'])
})

test('skipped or repeated hours around midnight do not change the names of days', async () => {
  // Newfoundland set its clocks back at 0:01: a minute of Sunday, then an hour of Saturday again, all part of
  // Sunday.
  const night = { from: '2010-11-07T02:45:00Z', to: '2010-11-08T03:30:00Z' }
  const { points, totals } = await seriesOf(night, 'DAY', 'America/St_Johns')
  expect(points.map(({ date, label }: { date: string; label: string }) => [date, label])).toEqual([
    ['2010-11-07', '2010-11-07'],
  ])
  expect(totals.label).toBe('2010-11-07')
  // The day before 31 December was skipped: nothing lies in it.
  const samoa = await seriesOf({ fromDay: '2011-12-31', toDay: '2012-01-01' }, 'DAY', 'Pacific/Apia')
  expect(samoa.points[0].previous).toEqual({
    start: '2011-12-30T10:00:00.000Z',
    end: '2011-12-30T10:00:00.000Z',
    date: '2011-12-30',
    label: '2011-12-30',
  })
  // The offset of Monrovia had seconds until 1972.
  const old = await seriesOf({ fromDay: '1970-01-01', toDay: '1970-01-02' }, 'HOUR', 'Africa/Monrovia')
  expect(old.points[0].label).toBe('1970-01-01T00:00-00:44:30')
})
