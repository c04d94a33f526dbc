import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { runImportLegacy } from '../../src/import/legacy/command.ts'
import { startStack, type Stack } from '../../src/index.ts'
import { runVerify } from '../../src/verify/verify.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../helpers.ts'
import { openShop, reopenShop } from '../shop.ts'
import { ann, bob, consumers, dan, eve, startPreviousSystem } from './previous-system.ts'

jest.setTimeout(300_000)

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

async function importFrom(url: string, dir: string, options: { dryRun?: boolean } = {}) {
  const { terminal, lines } = recordingTerminal()
  const rejected = path.join(dir, 'rejected.ndjson')
  const code = await runImportLegacy({
    usersUrl: url,
    rejected,
    env: { DATA_DIR: dir },
    terminal,
    ...options,
  })
  return { code, lines, rejected }
}

const start = (dir: string) => startStack({ ...freePorts, DATA_DIR: dir }, { durable: false })

async function get(stack: Stack, apiKey: string, where: string) {
  const shop = await reopenShop(stack, apiKey)
  return await shop.send('GET', where, shop.token)
}

test('clients of the previous system go on with their keys and ids; a second run adds the rest and nothing twice', async () => {
  await using previous = await startPreviousSystem(server)
  await using home = await temporaryDir()
  await previous.query(consumers)
  await previous.query(
    `INSERT INTO "user" VALUES ($1, 'ann', 'Ann@example.org', 'Ann', 'A', 5, 1), ($2, 'bob', 'bob@example.org', 'Bob', 'B', 2147483647, 2)`,
    [ann, bob],
  )
  for (let id = 10; id < 40; id += 1) await previous.event(id, { data: `{"n": ${String(id)}}` })
  await previous.event(40, { store: 2, user: bob, at: '2026-03-01 23:59:59.999999' })
  await using stack = await start(home.dir)

  const first = await importFrom(previous.url, home.dir)
  expect(first.lines.at(-1)).toBe('done the events of each store and day are as many as were taken over')
  const shop = await reopenShop(stack, 'shoes-key')
  expect(await shop.find('ANN')).toBe(ann)
  expect((await shop.send('GET', '/api/event/amount/view', shop.token)).body).toEqual([
    { date: '2026-03-01', event_amount: 30 },
  ])
  for (const key of ['x', 'hats & / ключ', 'boss-key'])
    expect((await reopenShop(stack, key)).token).toBeTruthy()
  expect((await get(stack, 'hats & / ключ', '/api/event/store-events-amount/2')).body).toEqual([
    { date: '2026-03-01', event_amount: 1 },
  ])
  expect((await get(stack, 'boss-key', '/api/store')).body).toEqual([
    { id: 1, name: 'Shoes', is_active: true },
    { id: 2, name: 'Hats', is_active: true },
    { id: 5, name: 'Store 5', is_active: false },
  ])
  const { body: created } = await shop.send('POST', '/api/event', shop.token, {
    type: 'view',
    user_id: ann,
    data: {},
  })
  expect(created.id).toBeGreaterThan(40)
  expect((await openShop(stack)).id).toBeGreaterThan(9)

  // Meanwhile, there: more of the same, a name is changed, and a store signs up.
  await previous.event(41, { user: 'visitor' })
  await previous.query(`UPDATE "user" SET first_name = 'Anna' WHERE id = $1`, [ann])
  await previous.query(`INSERT INTO consumers VALUES (11, 'Coats', true, false)`)
  await previous.query(`INSERT INTO api_keys VALUES ('coats-key', 11)`)
  await previous.event(42, { store: 11 })
  // And here: a user is erased.
  const hats = await reopenShop(stack, 'hats & / ключ')
  await hats.send('DELETE', `/api/user/${bob}`, hats.token)

  const second = await importFrom(previous.url, home.dir)
  expect(second.lines).toEqual(
    expect.arrayContaining([
      'imported events: 30 events imported before',
      'imported events: 2 events',
      'imported user: 1 users changed there since an import before',
      'imported user: 1 users erased here since: left out',
      'imported consumers: 1 stores',
      'imported api_keys: 1 keys',
      'done the events of each store and day are as many as were taken over',
    ]),
  )
  expect((await shop.send('GET', '/api/event/amount/view', shop.token)).body).toContainEqual({
    date: '2026-03-01',
    event_amount: 31,
  })
  expect((await get(stack, 'coats-key', '/api/event/amount/view')).body).toHaveLength(1)
  expect(await hats.find('bob')).toBe(404)
  expect((await hats.send('GET', '/api/event/amount/view', hats.token)).body).toEqual([])
  expect(await runVerify({ env: { DATA_DIR: home.dir }, ...recordingTerminal() })).toBe(0)
})

test('what is wrong in the previous system is repaired and named, or rejected into a private file with the reason', async () => {
  await using previous = await startPreviousSystem(server)
  await using home = await temporaryDir()
  await previous.query(consumers)
  await previous.query(
    `INSERT INTO "user" VALUES ($1, 'ann', 'ann@example.org', NULL, '', NULL, 1), ($2, 'ANN', ' ANN@example.org', 'B', 'B', -1, 1),
       ($3, 'eve', 'no address', 'E', 'E', 1, 1), ($4, NULL, NULL, 'D', 'D', 1, 2)`,
    [ann, bob, eve, dan],
  )
  await previous.query(
    `INSERT INTO "user" VALUES (gen_random_uuid(), 'a', 'a@x', 'A', 'A', 1, NULL), (gen_random_uuid(), 'b', 'b@x', 'A', 'A', 1, 99),
       (gen_random_uuid(), 'c', 'c@x', 'A', 'A', 1, 7)`,
  )
  const repaired = [
    { user: null },
    { user: '' },
    { type: '' },
    { type: 't'.repeat(200) },
    { data: null },
    { data: 'null' },
    { data: '[1, 2]' },
    { data: '"text"' },
    { data: '{"a": 1, "a": 2}' },
    { data: '{"big": 123456789012345678901234567890, "huge": 1e400}' },
    { data: String.raw`{"nul": "a\u0000b", "half": "\ud800"}` },
    { store: 5 },
  ]
  const rejected = [
    { store: null },
    { store: 99 },
    { store: 7 },
    { at: null },
    { at: 'infinity' },
    { at: '2999-01-01' },
    { user: 'u'.repeat(129) },
    { data: JSON.stringify({ text: 'x'.repeat(70_000) }) },
    { data: JSON.stringify({ text: 'x'.repeat(300_000) }) },
    { data: `{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}` },
  ]
  for (const [at, row] of [...repaired, ...rejected].entries()) await previous.event(at + 1, row)
  {
    await using _stack = await start(home.dir)
  }
  const dry = await importFrom(previous.url, home.dir, { dryRun: true })
  expect(dry.lines.at(-1)).toBe('done nothing was written; without --dry-run this would be')
  // The stack does not run.
  const { code, lines, rejected: file } = await importFrom(previous.url, home.dir)
  expect(code).toBe(1)
  const counts = lines.filter((line) => /^(?:imported|repaired|rejected|differs) [a-z_]+:/.test(line))
  expect(counts).toEqual([
    'imported consumers: 2 stores',
    'imported consumers: 1 blocked stores',
    'imported api_keys: 5 keys',
    'imported user: 4 users',
    'imported events: 12 events',
    'repaired consumers: 1 missing name replaced by "Store <id>"',
    'repaired user: 2 null names kept as not given',
    'repaired user: 1 empty last_name left out',
    'repaired user: 1 phone that is no number left out',
    'repaired user: 1 e-mail that another user of the store has replaced by <id>@import.invalid',
    'repaired user: 1 username that another user of the store has left out',
    'repaired user: 1 invalid e-mail kept as it was',
    'repaired user: 1 missing e-mail replaced by <id>@import.invalid',
    'repaired events: 2 missing user_id replaced by "unknown"',
    'repaired events: 1 missing type replaced by "unknown"',
    'repaired events: 1 type cut to 128 characters',
    'repaired events: 1 data that is null replaced by an empty object',
    'repaired events: 2 data that is no object put into a member "value"',
    'repaired events: 1 repeated members of data: the last one counts',
    'repaired events: 1 numbers in data that double precision would change written as text',
    'repaired events: 1 NUL and unpaired surrogates in data replaced',
    'rejected api_keys: 1 key: is empty, anybody could sign in with it',
    'rejected api_keys: 1 owner_id: the administrator is blocked',
    'rejected api_keys: 1 owner_id: no store or administrator has this id',
    'rejected user: 1 store_id: is missing',
    'rejected user: 1 store_id: no store has this id',
    'rejected user: 1 store_id: is an administrator, not a store',
    'rejected events: 1 store_id: is missing',
    'rejected events: 1 store_id: no store has this id',
    'rejected events: 1 store_id: is an administrator, not a store',
    'rejected events: 2 created_at: is missing, so that the event belongs to no day',
    'rejected events: 1 created_at: is in the future',
    'rejected events: 2 data: must not be larger than 64 KiB as JSON',
    'rejected events: 1 userId: must have 1 to 128 characters',
    'rejected events: 1 data: must not be nested deeper than 32 levels',
  ])

  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const text = await readFile(file, 'utf8')
  const named = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { table: string; id: string | number; reason: string; row?: object })
  expect(
    named
      .filter(({ table }) => table === 'events')
      .map(({ id }) => Number(id))
      .sort((a, b) => a - b),
  ).toEqual(rejected.map((_row, at) => repaired.length + at + 1))
  expect(named.filter(({ table }) => table === 'user')).toHaveLength(3)
  expect(text).not.toContain('gone-boss-key')

  await using stack = await start(home.dir)
  const shop = await reopenShop(stack, 'shoes-key')
  expect(await shop.find('ann')).toBe(ann)
  expect((await shop.send('GET', '/api/user/no address', shop.token)).body).toEqual({ id: eve })
  expect((await shop.send('GET', `/api/user/${bob}@import.invalid`, shop.token)).body).toEqual({ id: bob })
  const signIn = (api_key: string) => shop.send('POST', '/api/auth/', undefined, { api_key })
  expect([(await signIn('blocked-key')).status, (await signIn('gone-boss-key')).status]).toEqual([403, 401])
  const { body } = await shop.send('POST', '/graphql', shop.token, {
    query: '{ events(first: 100) { nodes { id type userId data } } }',
  })
  const events = body.data.events.nodes.map(({ type, userId, data }: Record<string, unknown>) => [
    type,
    userId,
    data,
  ])
  expect(events.reverse()).toEqual([
    ['view', 'unknown', { n: 1 }],
    ['view', 'unknown', { n: 1 }],
    ['unknown', ann, { n: 1 }],
    ['t'.repeat(128), ann, { n: 1 }],
    ['view', ann, {}],
    ['view', ann, {}],
    ['view', ann, { value: [1, 2] }],
    ['view', ann, { value: 'text' }],
    ['view', ann, { a: 2 }],
    ['view', ann, { big: '123456789012345678901234567890', huge: '1e400' }],
    ['view', ann, { nul: 'a\uFFFDb', half: '\uFFFD' }],
  ])
})

test('events whose ids are in use here get others, and are found again', async () => {
  await using previous = await startPreviousSystem(server)
  await using home = await temporaryDir()
  await using stack = await start(home.dir)
  const boss = await openShop(stack, 'Own')
  await boss.visit('somebody', 3)
  await previous.query(`INSERT INTO consumers VALUES (21, 'Shoes', true, false)`)
  await previous.query(`INSERT INTO api_keys VALUES ('shoes-key', 21)`)
  for (let id = 1; id <= 6; id += 1) await previous.event(id, { store: 21 })
  for (let run = 0; run < 2; run += 1) {
    expect((await importFrom(previous.url, home.dir)).code).toBe(0)
    const shop = await reopenShop(stack, 'shoes-key')
    const { body } = await shop.send('POST', '/graphql', shop.token, {
      query: '{ events(first: 100) { nodes { id } } }',
    })
    const ids = body.data.events.nodes
      .map(({ id }: { id: string }) => Number(id))
      .sort((a: number, b: number) => a - b)
    expect(ids.slice(0, 3)).toEqual([4, 5, 6])
    expect(ids.slice(3)).toHaveLength(3)
    expect(Math.min(...ids.slice(3))).toBeGreaterThan(2 ** 52)
    expect(Number.isSafeInteger(ids.at(-1))).toBe(true)
  }
  expect(await boss.views()).toBe(3)
  expect(await runVerify({ env: { DATA_DIR: home.dir }, ...recordingTerminal() })).toBe(0)
})

test('nothing is imported over a store of another name', async () => {
  await using previous = await startPreviousSystem(server)
  await using home = await temporaryDir()
  await using stack = await start(home.dir)
  const own = await openShop(stack, 'Own')
  await previous.query(`INSERT INTO consumers VALUES ($1, 'Shoes', true, false)`, [own.id])
  await expect(importFrom(previous.url, home.dir)).rejects.toThrow(
    /^store \d+ is "Own" here: clients of the previous system would reach another store/,
  )
})

test('events that are recorded there during the import are left to the next run, and all of them are counted once', async () => {
  await using previous = await startPreviousSystem(server)
  await using home = await temporaryDir()
  await previous.query(consumers)
  await previous.query(
    `INSERT INTO events (type, store_id, user_id, created_at, data)
     SELECT 'view', 1 + n % 2, 'u' || n % 50, timestamp '2026-01-01' + n * interval '7 minutes', json_build_object('n', n)
     FROM generate_series(1, 9000) n`,
  )
  await using stack = await start(home.dir)
  const traffic = { going: true }
  const sending = (async () => {
    let sent = 0
    while (traffic.going) {
      await previous.query(
        `INSERT INTO events (type, store_id, user_id, created_at, data) VALUES ('view', 1, 'late', '2026-05-05', '{}')`,
      )
      sent += 1
    }
    return sent
  })()
  await importFrom(previous.url, home.dir)
  traffic.going = false
  const sent = await sending
  const rest = await importFrom(previous.url, home.dir)
  expect(rest.lines.at(-1)).toBe('done the events of each store and day are as many as were taken over')
  const { body } = await get(stack, 'boss-key', '/api/event/store-events-amount/1?limit=10000')
  const sum = body.reduce((all: number, day: { event_amount: number }) => all + day.event_amount, 0)
  expect(sum).toBe(4500 + sent)
})
