import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventsSchema } from '@user-stats/prisma-events'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { query } from '@user-stats/postgres/testing/migrations'
import { runAnalyticsCache } from '../src/analytics-cache/command.ts'
import { recordingTerminal, temporaryDir } from './helpers.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

test('segments of closed days are built for each store that has any, and dropped', async () => {
  const { url, ownerUrl } = await server.createDatabase(eventsSchema)
  await using home = await temporaryDir()
  const dir = path.join(home.dir, 'analytics')
  const env = {
    USERS_DATABASE_URL: url,
    EVENTS_DATABASE_URL: url,
    EVENTS_OWNER_URL: ownerUrl,
    ANALYTICS_CACHE_DIR: dir,
  }
  for (const month of ['2026-10-01', '2026-11-01']) await query(ownerUrl, `SELECT ensure_month('${month}')`)
  await query(
    ownerUrl,
    `INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
     SELECT n % 2 + 1, timestamptz '2026-10-30 12:00Z' + n * interval '6 hours', 'ann', 'view', '{}', now()
     FROM generate_series(0, 15) n`,
  )
  await query(
    ownerUrl,
    `INSERT INTO day_totals (store_id, day, events, users)
     SELECT store_id, (occurred_at AT TIME ZONE 'UTC')::date, count(*), 1 FROM events GROUP BY 1, 2`,
  )
  const { terminal, lines } = recordingTerminal()
  const clock = () => new Date('2026-11-02T12:00:00Z')

  expect(await runAnalyticsCache({ step: 'build', env, terminal, clock })).toBe(0)
  expect(lines.filter((line) => line.startsWith('build'))).toEqual(['build store 1', 'build store 2'])
  // Today is not over yet.
  const days = ['2026-10-30', '2026-10-31', '2026-11-01']
  for (const storeId of ['1', '2']) {
    const names = await readdir(path.join(dir, storeId))
    expect(names.filter((name) => name.endsWith('.json')).sort()).toEqual(days.map((day) => `${day}.json`))
  }

  expect(await runAnalyticsCache({ step: 'drop', env, terminal, clock })).toBe(0)
  expect(lines.at(-1)).toBe(`drop ${dir}: segments of 2 stores deleted`)
  expect((await readdir(dir)).filter((name) => /^\d+$/.test(name))).toEqual([])
})
