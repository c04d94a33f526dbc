import pg from 'pg'
import { floorTables, writeFloor, type FloorEvent } from './floor.ts'
import { measure, type Pace } from './load.ts'
import { eventOf, postLines } from './ndjson.ts'
import { peakOf } from './process.ts'
import type { System } from './system.ts'
import { ratio, type Row, type Section } from './table.ts'

const streamed = 200_000

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN

/** @returns events a second */
async function stream(url: string, token: string): Promise<number> {
  const began = performance.now()
  await postLines(url, token, streamed)
  return streamed / ((performance.now() - began) / 1_000)
}

/** Two connections write batches of 500 as fast as PostgreSQL takes them. */
async function floor(ownerUrl: string, rollups: boolean, seconds: number): Promise<number> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 2 })
  await pool.query(floorTables)
  const batch = Array.from({ length: 500 }, (_, at): FloorEvent => {
    const { type, user_id: userId, data } = eventOf(at * 13)
    return { storeId: 1, type, userId, data: JSON.stringify(data) }
  })
  const until = performance.now() + seconds * 1_000
  let written = 0
  const writer = async (): Promise<void> => {
    while (performance.now() < until) written += (await writeFloor(pool, batch, rollups)).length
  }
  const began = performance.now()
  await Promise.all([writer(), writer()])
  const took = performance.now() - began
  await pool.end()
  return written / (took / 1_000)
}

/** Events in bulk, durable, with rollups; and what bare PostgreSQL does. */
export async function bulk(system: System, pace: Pace): Promise<Section> {
  const { stack } = system
  const { token } = await system.openShop('bulk')
  const rows: Row[] = []
  const report = (name: string, rates: number[]): number => {
    const rate = median(rates)
    const peak = `gateway ${peakOf(stack.services.gateway.pid).toFixed(0)}, events ${peakOf(stack.services.events.pid).toFixed(0)}`
    process.stderr.write(`${name}: ${rate.toFixed(0)} events/s (${peak} MB)\n`)
    rows.push([name, Math.round(rate).toLocaleString('en'), peak])
    return rate
  }
  const repeat = async (work: () => Promise<number>): Promise<number[]> => {
    const rates: number[] = []
    for (let at = 0; at < pace.repeats; at += 1) rates.push(await work())
    return rates
  }
  await stream(stack.urls.gateway, token)
  const gateway = report('NDJSON through the gateway', await repeat(() => stream(stack.urls.gateway, token)))
  report('NDJSON at the events service', await repeat(() => stream(stack.urls.events, token)))

  const events = Array.from({ length: 1_000 }, (_, at) => {
    const { type, user_id: userId, data } = eventOf(at)
    return { type, userId, data }
  })
  const sample = await measure(
    {
      url: `${stack.urls.gateway}/graphql`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({
        query:
          'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount results { error { code } } } }',
        variables: { input: { events } },
      }),
      connections: 4,
    },
    {},
    pace,
  )
  report('recordEvents of 1,000 through the gateway, 4 connections', [sample.rate * 1_000])

  const { ownerUrl } = stack.databases.events
  const bare = report(
    '`unnest` + rollups, 2 connections, no service',
    await repeat(() => floor(ownerUrl, true, pace.seconds)),
  )
  report('`unnest` without rollups', await repeat(() => floor(ownerUrl, false, pace.seconds)))
  return {
    title: 'Bulk',
    columns: ['way', 'events/s', 'peak MB'],
    rows,
    ratios: [ratio('bulk through the gateway : bare `unnest` + rollups', gateway, bare)],
  }
}
