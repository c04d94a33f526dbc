import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { query, holdLock, type HeldLock } from '../support/database-lock.ts'
import { authenticate, call, type LegacyAnswer } from '../support/legacy-client.ts'
import { verifyAsDocumented } from '../support/receipt.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

/** More than two steps of the events service. */
const many = 4_500
const step = 2_000

let stack: TestStack
let admin: string
beforeAll(async () => {
  stack = await startTestStack({ durable: true })
  admin = await authenticate(stack.urls.gateway, stack.adminApiKey)
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const graphql = async (token: string, query: string, variables: Record<string, unknown> = {}) =>
  (await call(stack.urls.gateway, 'POST', '/graphql', { token, body: { query, variables } })).body

/** Polls until a condition holds. */
async function until<T>(look: () => Promise<T | false | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    // A killed database is restarting.
    const seen = await look().catch(() => undefined)
    if (seen !== undefined && seen !== false) return seen
    if (Date.now() > deadline) throw new Error('the condition did not hold within a minute')
    await pause(25)
  }
}

async function newStore(): Promise<{ id: number; token: string }> {
  const { body } = await call(stack.urls.gateway, 'POST', '/api/store', {
    token: admin,
    body: { name: 'Shoes' },
  })
  return { id: body.id as number, token: await authenticate(stack.urls.gateway, body.api_key as string) }
}

async function record(
  token: string,
  userId: string,
  count: number,
  at = Date.UTC(2026, 2, 1),
): Promise<void> {
  for (let sent = 0; sent < count; sent += 1_000) {
    const events = Array.from({ length: Math.min(1_000, count - sent) }, (_, n) => ({
      userId,
      type: `type ${String(n % 3)}`,
      // Some days, each with many: steps end within days.
      occurredAt: new Date(at + (sent + n) * 60_000).toISOString(),
    }))
    const { data } = await graphql(
      token,
      'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
      { input: { events } },
    )
    expect(data.recordEvents.acceptedCount).toBe(events.length)
  }
}

let people = 0
async function newUser(token: string): Promise<string> {
  people += 1
  const { body } = await call(stack.urls.gateway, 'POST', '/api/user', {
    token,
    body: {
      email: `jane.${String(people)}@example.org`,
      username: `jane ${String(people)}`,
      first_name: 'Jane',
      last_name: 'Doe',
      phone: 491_701_234_567,
    },
  })
  return body.id as string
}

/** Retries until there is a result, like a careful client. Only 503 may come before. */
const insist = (send: () => Promise<LegacyAnswer>): Promise<LegacyAnswer> =>
  until(async () => {
    const answer = await send()
    if (answer.status === 503) return undefined
    return answer
  })

type Stage = 'before the first step' | 'between two steps' | 'before the completion is committed'

/**
 * Stops an erasure at a stage, from before it begins. @returns functions to wait for the stage, and to
 * release it
 */
async function stopAt(place: Stage, store: number, userId: string) {
  const { users, events } = stack.databases
  const begun = () =>
    until(
      async () =>
        (
          await query(users.ownerUrl, `SELECT id FROM erasures WHERE store_id = $1 AND state = 'RUNNING'`, [
            store,
          ])
        )[0],
    )
  const beginning = () => holdLock(events.ownerUrl, 'SELECT pg_advisory_xact_lock(7301, $1::int)', [store])
  switch (place) {
    case 'before the first step': {
      const held = await beginning()
      return { reached: begun, release: held.release }
    }
    case 'between two steps': {
      const held = await holdLock(
        events.ownerUrl,
        // Find it first: an OFFSET would lock the skipped rows too.
        `SELECT FROM events WHERE (store_id, occurred_at, id) = (
           SELECT store_id, occurred_at, id FROM events WHERE store_id = $1 AND user_id = $2
           ORDER BY occurred_at, id OFFSET $3 LIMIT 1
         ) FOR UPDATE`,
        [store, userId, step + 500],
      )
      return {
        reached: () =>
          until(async () => {
            const [row] = await query<{ deleted: string }>(
              events.ownerUrl,
              'SELECT events_deleted + events_anonymised AS deleted FROM erasures WHERE store_id = $1',
              [store],
            )
            return Number(row?.deleted) === step
          }),
        release: held.release,
      }
    }
    case 'before the completion is committed': {
      const first = await beginning()
      let second: HeldLock | undefined
      return {
        reached: async () => {
          await begun()
          second = await holdLock(
            users.ownerUrl,
            `SELECT FROM outbox WHERE store_id = $1 AND kind = 'ERASE_USER' FOR UPDATE`,
            [store],
          )
          await first.release()
          // The receipt is written, in a transaction that waits for its commit.
          await until(async () => {
            const [row] = await query<{ count: number }>(
              users.ownerUrl,
              `SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
            )
            return Number(row?.count) > 0
          })
        },
        release: async () => {
          await first.release()
          await second?.release()
        },
      }
    }
  }
}

const victims: Readonly<Record<string, () => Promise<unknown>>> = {
  users: async () => {
    await stack.services.users.kill('SIGKILL')
    await stack.services.users.start()
  },
  events: async () => {
    await stack.services.events.kill('SIGKILL')
    await stack.services.events.start()
  },
  gateway: async () => {
    await stack.services.gateway.kill('SIGKILL')
    await stack.services.gateway.start()
  },
  'the users database': () => stack.databases.users.kill(),
  'the events database': () => stack.databases.events.kill(),
}

/**
 * Checks what remains of an erased user: one record, one receipt, no event; and that other users are
 * unchanged.
 */
async function expectErased(store: { id: number; token: string }, userId: string): Promise<void> {
  const { data } = await graphql(
    store.token,
    `
      query ($id: String) {
        erasures(subjectId: $id) {
          nodes {
            id
            state
            usersDeleted
            eventsTotal
            eventsDeleted
            receipt
          }
        }
      }
    `,
    { id: userId },
  )
  const [erasure, ...others] = data.erasures.nodes
  expect(others).toEqual([])
  expect(erasure).toMatchObject({ state: 'DONE', usersDeleted: 1, eventsTotal: many, eventsDeleted: many })
  const claims = await verifyAsDocumented(stack.urls.gateway, erasure.receipt as string)
  expect(claims).toMatchObject({ jti: erasure.id, subject: { kind: 'USER', id: userId }, store_id: store.id })
  expect(claims['erased']).toEqual(
    expect.arrayContaining([{ database: 'events', table: 'events', rows: many }]),
  )
  const { users, events } = stack.databases
  expect(await query(events.ownerUrl, 'SELECT FROM events WHERE user_id = $1', [userId])).toEqual([])
  expect(await query(users.ownerUrl, 'SELECT FROM user_keys WHERE user_id = $1::uuid', [userId])).toEqual([])
}

async function verifyRollups(storeId: number) {
  const { data } = await graphql(
    admin,
    '{ verifyRollups(from: "2026-02-01", to: "2026-05-01") { consistent } }'.replace(
      '(',
      `(storeId: ${String(storeId)}, `,
    ),
  )
  return data.verifyRollups
}

test.each<[place: Stage, victim: string]>([
  ['before the first step', 'users'],
  ['before the first step', 'events'],
  ['between two steps', 'users'],
  ['between two steps', 'events'],
  ['between two steps', 'the events database'],
  ['between two steps', 'gateway'],
  ['before the completion is committed', 'users'],
  ['before the completion is committed', 'the users database'],
])(
  'an erasure interrupted %s by a kill of %s is done once, with the same counts and one receipt',
  async (place, victim) => {
    const store = await newStore()
    const userId = await newUser(store.token)
    await record(store.token, userId, many)
    await record(store.token, 'a visitor', 10)

    const erase = () => call(stack.urls.gateway, 'DELETE', `/api/user/${userId}`, { token: store.token })
    const stop = await stopAt(place, store.id, userId)
    // The response may be lost with the killed process.
    const first = erase().catch(() => undefined)
    await stop.reached()
    await victims[victim]?.()
    await stop.release()

    const lost = await first
    const answer = lost?.status === 200 ? lost : await insist(erase)
    expect([answer.status, answer.body]).toEqual([
      200,
      { user: 'User successfully deleted', events: `${String(many)} events were deleted` },
    ])
    expect((await insist(erase)).status).toBe(404)
    await expectErased(store, userId)
    expect(await verifyRollups(store.id)).toEqual({ consistent: true })
    expect(
      (
        await call(stack.urls.gateway, 'GET', `/api/event/store-events-amount/${String(store.id)}`, {
          token: store.token,
        })
      ).body,
    ).toEqual([{ date: '2026-03-01', event_amount: 10 }])
  },
  120_000,
)

test('an anonymised user stays one user, whichever process is killed between two steps', async () => {
  const store = await newStore()
  const userId = await newUser(store.token)
  await record(store.token, userId, many)
  const users = async () =>
    (
      await graphql(
        store.token,
        `
          {
            eventSeries(filter: { fromDay: "2026-03-01", toDay: "2026-05-01" }, granularity: DAY) {
              totals {
                events
                users
              }
              points {
                events
                users
              }
            }
          }
        `,
      )
    ).data.eventSeries
  const before = await users()
  expect(before.totals).toEqual({ events: many, users: 1 })
  const erase = () =>
    call(stack.urls.gateway, 'POST', '/graphql', {
      token: store.token,
      body: {
        query:
          'mutation($id: ID!) { eraseUser(input: { id: $id, events: ANONYMISE }) { eventsDeleted eventsAnonymised } }',
        variables: { id: userId },
      },
    })
  const stop = await stopAt('between two steps', store.id, userId)
  const first = erase().catch(() => undefined)
  await stop.reached()
  await victims['events']?.()
  await stop.release()
  const lost = await first
  const answer = lost?.status === 200 ? lost : await insist(erase)
  expect(answer.body.data.eraseUser).toEqual({ eventsDeleted: 0, eventsAnonymised: many })
  expect(await users()).toEqual(before)
  expect(await verifyRollups(store.id)).toEqual({ consistent: true })
}, 120_000)

test('a store whose deletion is interrupted is deleted with all its data, and counted once', async () => {
  const store = await newStore()
  for (let n = 0; n < 3; n += 1) await newUser(store.token)
  await record(store.token, 'a visitor', many)
  const remove = () => call(stack.urls.gateway, 'DELETE', `/api/store/${String(store.id)}`, { token: admin })
  const { users, events } = stack.databases
  const held = await holdLock(
    events.ownerUrl,
    'SELECT FROM events WHERE store_id = $1 ORDER BY occurred_at DESC, id DESC LIMIT 1 FOR UPDATE',
    [store.id],
  )
  const first = remove().catch(() => undefined)
  await until(async () => {
    const [row] = await query<{ deleted: string }>(
      events.ownerUrl,
      'SELECT events_deleted AS deleted FROM erasures WHERE store_id = $1',
      [store.id],
    )
    return Number(row?.deleted) > 0
  })
  await victims['events']?.()
  await victims['users']?.()
  await held.release()
  const lost = await first
  const answer = lost?.status === 200 ? lost : await insist(remove)
  expect([answer.status, answer.body]).toEqual([
    200,
    { users: '3 users were deleted', events: `${String(many)} events were deleted` },
  ])
  expect((await insist(remove)).status).toBe(404)
  for (const table of [
    'events',
    'day_totals',
    'type_day_totals',
    'quarter_totals',
    'user_days',
    'user_type_days',
    'idempotency_keys',
  ])
    expect([
      table,
      await query(events.ownerUrl, `SELECT FROM ${table} WHERE store_id = $1`, [store.id]),
    ]).toEqual([table, []])
  for (const table of ['stores', 'users', 'user_keys', 'api_keys'])
    expect([
      table,
      await query(users.ownerUrl, `SELECT FROM ${table} WHERE store_id = $1`, [store.id]),
    ]).toEqual([table, []])
}, 120_000)
