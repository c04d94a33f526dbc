import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, {
    now: new Date('2026-06-15T12:00:00Z'),
    // So few that most deletions take several steps, which end in the middle of a day.
    steps: { userBatch: 3, storeBatch: 4 },
  })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const record = `mutation($input: RecordEventsInput!) {
  recordEvents(input: $input) { results { duplicate event { id } error { code } } }
}`

interface Sent {
  readonly type: string
  readonly userId: string
  readonly day: number
  readonly time: string
  readonly key: string | null
}
type Step =
  | { readonly kind: 'record'; readonly batches: readonly (readonly Sent[])[] }
  | { readonly kind: 'delete'; readonly userId: string }
  | { readonly kind: 'erase'; readonly userId: string; readonly anonymise: boolean }
  | { readonly kind: 'clear' }

const user = fc.constantFrom('ann', 'bob', 'cem', 'dua')
const sent = fc.record({
  type: fc.constantFrom('view', 'buy', 'Ünïcode'),
  userId: user,
  // Days around the end of a month, some of them late.
  day: fc.integer({ min: -20, max: 0 }),
  time: fc.constantFrom('00:00:00.000', '10:14:59.999', '10:15:00.000', '23:59:59.999'),
  key: fc.option(fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5'), { freq: 2 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      batches: fc.array(fc.array(sent, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), userId: user }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('erase' as const), userId: user, anonymise: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
)

const dateOf = (day: number): string => new Date(Date.UTC(2026, 5, 10 + day)).toISOString().slice(0, 10)
const quarterOf = (day: number, time: string): string =>
  String(Math.floor(Date.parse(`${dateOf(day)}T${time}Z`) / 900_000))
const sorted = (entries: readonly (readonly [string, unknown])[]) =>
  entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
const contentOf = ({ type, userId, day, time }: Sent): string => JSON.stringify([type, userId, day, time])

/** The expected state, kept as simply as possible. */
function createModel() {
  let held: { id: string; sent: Sent }[] = []
  const keys = new Map<string, { id: string; content: string }>()
  const erased = new Set<string>()
  return {
    erased,
    /** Applies one response, and returns whether the model agrees with it. */
    answered(
      item: Sent,
      result: { duplicate: boolean; event: { id: string } | null; error: { code: string } | null },
    ) {
      const known = item.key === null ? undefined : keys.get(item.key)
      if (erased.has(item.userId)) return result.error?.code === 'USER_ERASED'
      if (known === undefined) {
        if (result.event === null || result.duplicate) return false
        held.push({ id: result.event.id, sent: item })
        if (item.key !== null) keys.set(item.key, { id: result.event.id, content: contentOf(item) })
        return true
      }
      if (known.content !== contentOf(item)) return result.error?.code === 'IDEMPOTENCY_KEY_REUSED'
      if (!held.some(({ id }) => id === known.id)) return result.error?.code === 'EVENT_ERASED'
      return result.duplicate && result.event?.id === known.id
    },
    /** @param userId null for all */
    remove(userId: string | null): number {
      const before = held.length
      held = held.filter(({ sent }) => userId !== null && sent.userId !== userId)
      return before - held.length
    },
    /** Moves the events of a user to a pseudonym, under new ids. */
    anonymise(userId: string): void {
      const pseudonym = `anonymous ${userId}`
      held = held.map((one) =>
        one.sent.userId === userId ? { id: '', sent: { ...one.sent, userId: pseudonym } } : one,
      )
    },
    totals() {
      const days = new Map<string, { events: number; users: Set<string> }>()
      const quarters = new Map<string, number>()
      for (const {
        sent: { type, userId, day, time },
      } of held) {
        const quarter = `${type} ${quarterOf(day, time)}`
        quarters.set(quarter, (quarters.get(quarter) ?? 0) + 1)
        for (const key of [`${type} ${dateOf(day)}`, `* ${dateOf(day)}`]) {
          const total = days.get(key) ?? { events: 0, users: new Set() }
          total.events += 1
          total.users.add(userId)
          days.set(key, total)
        }
      }
      const totals = [...days].map(([key, { events: n, users }]) => [key, [n, users.size]] as const)
      return Object.fromEntries(sorted([...totals, ...quarters]))
    },
  }
}

async function totalsOf(storeId: number) {
  const { rows } = await events.owner.query<{ key: string; events: number; users: number }>(
    `SELECT type || ' ' || day AS key, events::int, users::int FROM type_day_totals WHERE store_id = $1
     UNION ALL SELECT '* ' || day, events::int, users::int FROM day_totals WHERE store_id = $1`,
    [storeId],
  )
  const quarters = await events.owner.query<{ key: string; events: number }>(
    `SELECT type || ' ' || quarter AS key, events FROM quarter_totals WHERE store_id = $1`,
    [storeId],
  )
  return Object.fromEntries(
    sorted([
      ...rows.map(({ key, ...total }) => [key, [total.events, total.users]] as const),
      ...quarters.rows.map((total) => [total.key, total.events] as const),
    ]),
  )
}

/** The contents that each version of a day stood for, and the minimum for each value of `removal`. */
function createVersions() {
  const contents = new Map<string, string>()
  const growing = new Map<string, readonly string[]>()
  return async (storeId: number): Promise<void> => {
    const { rows } = await events.owner.query<{ version: string; removal: string; held: string[] }>(
      `SELECT t.day || ' ' || t.version AS version, t.day || ' ' || t.removal AS removal, array_agg(e.id || ' ' || e.user_id || ' ' || e.data ORDER BY e.id) AS held
       FROM day_totals t JOIN events e ON e.store_id = t.store_id AND (e.occurred_at AT TIME ZONE 'UTC')::date = t.day
       WHERE t.store_id = $1 GROUP BY t.day, t.version, t.removal`,
      [storeId],
    )
    for (const { version, removal, held } of rows) {
      expect(contents.get(version) ?? String(held)).toBe(String(held))
      contents.set(version, String(held))
      expect(held).toEqual(expect.arrayContaining([...(growing.get(removal) ?? [])]))
      growing.set(removal, held)
    }
  }
}

let nextStore = 1_000
let nextCommand = 1

test('rollups equal a plain model after any records, repeats, late events, deletions and erasures; no version of a day stands for two contents', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const storeId = nextStore++
      const caller = events.store(storeId)
      const model = createModel()
      const checkVersions = createVersions()
      for (const action of steps) {
        if (action.kind === 'record') {
          // Concurrent writers: each key belongs to one writer, so that their order does not matter.
          const batches = action.batches.map((batch, writer) =>
            batch.map((item) =>
              item.key === null ? item : { ...item, key: `${item.key} ${String(writer)}` },
            ),
          )
          const answers = await Promise.all(
            batches.map((batch) =>
              events.graphql(caller, record, {
                input: {
                  events: batch.map(({ type, userId, day, time, key }) => ({
                    type,
                    userId,
                    data: {},
                    idempotencyKey: key,
                    occurredAt: `${dateOf(day)}T${time}Z`,
                  })),
                },
              }),
            ),
          )
          for (const [writer, answer] of answers.entries())
            for (const [at, item] of (batches[writer] ?? []).entries())
              expect([item, model.answered(item, answer.body.data.recordEvents.results[at])]).toEqual([
                item,
                true,
              ])
        } else if (action.kind === 'delete' || action.kind === 'clear') {
          const userId = action.kind === 'delete' ? action.userId : null
          const { body } = await events.send(
            'DELETE',
            `/api/event/${userId ?? `by-store/${String(storeId)}`}`,
            caller,
          )
          expect(body.message).toBe(`${String(model.remove(userId))} events were deleted`)
        } else {
          const { body } = await events.graphql(
            events.service,
            'mutation($input: ApplyUserErasureInput!) { applyUserErasure(input: $input) { eventsDeleted } }',
            {
              input: {
                commandId: nextCommand++,
                storeId,
                userId: action.userId,
                events: action.anonymise ? 'ANONYMISE' : 'ERASE',
              },
            },
          )
          if (action.anonymise) model.anonymise(action.userId)
          expect(body.data.applyUserErasure.eventsDeleted).toBe(model.remove(action.userId))
          model.erased.add(action.userId)
        }
        await checkVersions(storeId)
      }
      expect(await totalsOf(storeId)).toEqual(model.totals())
      const uncounted = await events.owner.query(
        'SELECT FROM day_totals WHERE store_id = $1 AND quarter_events <> events',
        [storeId],
      )
      expect(uncounted.rowCount).toBe(0)
    }),
    { numRuns: 40 },
  )
})
