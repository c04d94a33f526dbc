import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { DuckDBInstance } from '@duckdb/node-api'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { recordAll, seriesOf } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(() => server.stop())

const now = new Date('2026-06-15T12:00:00Z')
const days = ['2026-06-01', '2026-06-02', '2026-06-03']
const named = 'ann-with-a-name@example.org'

async function start(columnar: { maxRead?: number; minEvents?: number } = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'segments-'))
  const events = await startEvents(server, {
    now,
    env: { ANALYTICS_CACHE_DIR: dir },
    columnar: { minEvents: 0, ...columnar },
  })
  return {
    events,
    dir,
    async [Symbol.asyncDispose]() {
      await events[Symbol.asyncDispose]()
      await rm(dir, { recursive: true })
    },
  }
}

/** Somebody on the first day, somebody else on all of them. */
async function record(events: Harness, storeId: number): Promise<void> {
  await events.introduce(storeId)
  const event = (userId: string, day: string) => ({
    storeId,
    type: 'view',
    userId,
    at: Date.parse(`${day}T10:00:00Z`),
    data: { contact: userId },
  })
  await recordAll(events, [event(named, days[0] ?? ''), ...days.map((day) => event('bob', day))])
}

const ask = (events: Harness, storeId: number) =>
  seriesOf(events, events.admin, {
    filter: { storeId, fromDay: '2026-06-01', toDay: '2026-06-04' },
    granularity: 'DAY',
    groupBy: { by: 'DATA', path: '$.contact' },
  })

const metric = async (events: Harness, name: string): Promise<number> =>
  Number(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'm').exec(await events.metrics())?.[1])

async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
}

/** Everything that is in a directory of segments, also what is compressed. */
async function contentOf(dir: string): Promise<string> {
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  const texts = await Promise.all(
    (await filesIn(dir)).map(async (file) =>
      file.endsWith('.parquet') && !file.includes('drafts')
        ? JSON.stringify(
            (await duckdb.runAndReadAll(`SELECT * FROM read_parquet('${file}')`)).getRowObjectsJson(),
          )
        : // A draft may be gone already.
          await readFile(file, 'latin1').catch(() => ''),
    ),
  )
  duckdb.closeSync()
  return texts.join('\n')
}

test('no user id is ever in a segment, and when an erasure is answered nothing else of the user is', async () => {
  await using service = await start()
  const { events, dir } = service
  await record(events, 1)
  expect((await ask(events, 1)).groups).toHaveLength(2)
  const before = await filesIn(dir)
  // The path that was asked for is there, and only on the day of that user.
  expect(await contentOf(dir)).toContain(named)
  expect((await contentOf(dir)).split(named)).toHaveLength(2)

  const { body } = await events.graphql(
    events.service,
    'mutation($input: ApplyUserErasureInput!) { applyUserErasure(input: $input) { finished } }',
    { input: { commandId: 1, storeId: 1, userId: named } },
  )
  expect(body.data.applyUserErasure.finished).toBe(true)
  expect(await contentOf(dir)).not.toContain(named)
  const after = await filesIn(dir)
  // Other days stay.
  expect(before.filter((file) => !after.includes(file)).every((file) => file.includes('2026-06-01'))).toBe(
    true,
  )
  expect(after.filter((file) => file.endsWith('.parquet'))).toHaveLength(2)
  expect((await ask(events, 1)).groups).toHaveLength(1)
})

test('an analysis that began before a deletion leaves nothing of what was deleted', async () => {
  await using service = await start()
  const { events, dir } = service
  for (let storeId = 1; storeId <= 5; storeId += 1) {
    await record(events, storeId)
    const asking = Promise.all(Array.from({ length: 6 }, () => ask(events, storeId)))
    const { status } = await events.send('DELETE', `/api/event/${named}`, events.store(storeId))
    expect(status).toBe(200)
    expect(await contentOf(dir)).not.toContain(named)
    await asking
    expect(await contentOf(dir)).not.toContain(named)
  }
})

test('segments are read by their owner only', async () => {
  await using service = await start()
  const { events, dir } = service
  await record(events, 1)
  await ask(events, 1)
  for (const file of await filesIn(dir)) expect([file, (await stat(file)).mode & 0o077]).toEqual([file, 0])
  expect((await stat(dir)).mode & 0o077).toBe(0)
})

test('what is too much for one question is answered by PostgreSQL, and read in the background for the next', async () => {
  await using service = await start({ maxRead: 1 })
  const { events } = service
  await record(events, 1)
  const answer = await ask(events, 1)
  expect(await metric(events, 'analytics_columnar_answered')).toBe(0)
  while ((await metric(events, 'analytics_cache_segments')) < days.length) await nextTurn()
  const { asOf: _asOf, ...again } = await ask(events, 1)
  expect(answer).toMatchObject(again)
  expect(await metric(events, 'analytics_columnar_answered')).toBeGreaterThan(0)
})

test('segments that were used longest ago are deleted when there are too many bytes', async () => {
  await using service = await start()
  const { events, dir } = service
  await record(events, 1)
  await ask(events, 1)
  const bytes = await metric(events, 'analytics_cache_bytes')
  await events[Symbol.asyncDispose]()
  await using smaller = await startEvents(server, {
    now,
    database: events.database,
    env: { ANALYTICS_CACHE_DIR: dir, ANALYTICS_CACHE_BYTES: String(bytes) },
    columnar: { minEvents: 0 },
  })
  await record(smaller, 2)
  await ask(smaller, 2)
  expect(await metric(smaller, 'analytics_cache_bytes')).toBeLessThanOrEqual(bytes)
  expect((await ask(smaller, 2)).totals.events).toBe(4)
})
