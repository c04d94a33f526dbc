import { afterAll, beforeAll, expect, test } from '@jest/globals'
import pg from 'pg'
import { eventsSchema } from '@user-stats/prisma-events'
import { usersSchema } from '@user-stats/prisma-users'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { runPruneAuditLogs } from '../src/audit-log/prune.ts'
import { silent } from '../src/terminal.ts'
import { recordingTerminal } from './helpers.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

async function query(url: string, sql: string): Promise<any[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** A number of entries, one per hour, the last of them now. */
const fill = (url: string, count: number) =>
  query(
    url,
    `INSERT INTO audit_log (store_id, at, request_id, actor_role, action, record_ids, record_count, fields)
     SELECT n % 3, timestamptz '2026-11-24 12:00Z' - n * interval '1 hour', n::text, 'ADMIN', 'STORE_BLOCKED', '{1}', 1, '{}'
     FROM generate_series(0, ${String(count - 1)}) n`,
  )

test('the owner deletes older entries of both logs in batches, and the deletion is the newest entry', async () => {
  const [users, events] = [
    await server.createDatabase(usersSchema),
    await server.createDatabase(eventsSchema),
  ]
  await fill(users.url, 12_000)
  await fill(events.url, 20)
  const env = {
    USERS_DATABASE_URL: users.url,
    USERS_OWNER_URL: users.ownerUrl,
    EVENTS_DATABASE_URL: events.url,
    EVENTS_OWNER_URL: events.ownerUrl,
  }
  const clock = () => new Date('2026-11-24T12:00:00Z')
  const { terminal, lines } = recordingTerminal()
  await runPruneAuditLogs({ days: 1, env, terminal, clock })
  expect(lines.filter((line) => line.startsWith('prune'))).toEqual([
    'prune users: 10,000 entries deleted so far',
    'prune users: 11,975 entries before 2026-11-23T12:00:00.000Z',
    'prune events: 0 entries before 2026-11-23T12:00:00.000Z',
  ])
  const left = await query(
    users.url,
    'SELECT action, actor_role, record_count FROM audit_log ORDER BY at DESC, id DESC',
  )
  expect(left).toHaveLength(26)
  expect(left[0]).toEqual({ action: 'AUDIT_LOG_PRUNED', actor_role: 'OPERATOR', record_count: '11975' })
  expect(await query(events.url, 'SELECT FROM audit_log')).toHaveLength(20)

  await runPruneAuditLogs({ days: 1, env, terminal: silent, clock })
  expect(await query(users.url, 'SELECT FROM audit_log')).toHaveLength(26)
})

test('a serving role cannot do it', async () => {
  const { url } = await server.createDatabase(usersSchema)
  await fill(url, 100)
  const env = { USERS_DATABASE_URL: url, EVENTS_DATABASE_URL: url }
  const clock = () => new Date('2027-11-24T12:00:00Z')
  await expect(runPruneAuditLogs({ days: 1, env, terminal: silent, clock })).rejects.toThrow(
    'permission denied for table audit_log',
  )
  expect(await query(url, 'SELECT FROM audit_log')).toHaveLength(100)
})
