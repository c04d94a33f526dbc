import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call, type LegacyAnswer } from '../src/legacy-client.ts'
import { startTestStack, type TestStack } from '../src/stack.ts'

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({ durable: true })
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const writers = 16
const rounds = 2

/** Sends until it is acknowledged: what a careful client does, with an idempotency key. */
async function insist(send: () => Promise<LegacyAnswer>): Promise<LegacyAnswer> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const answer = await send().catch(() => undefined)
    if (answer?.status === 201) return answer
    // Nothing but "away" may be answered to a good request.
    if (answer !== undefined) expect(answer.status).toBe(503)
    if (Date.now() > deadline) throw new Error('nothing was acknowledged for a minute')
    await pause(50)
  }
}

test('every acknowledged event is there exactly once, whatever process is killed under load', async () => {
  const { gateway } = stack.urls
  const admin = await authenticate(gateway, stack.adminApiKey)
  const made = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Shoes' } })
  const token = await authenticate(gateway, made.body.api_key)

  let stopped = false
  const acknowledged = new Map<string, number>()
  const load = Array.from({ length: writers }, async (_, writer) => {
    for (let n = 0; !stopped; n += 1) {
      const key = `${String(writer)}-${String(n)}`
      const body = { type: `type ${String(n % 3)}`, user_id: `user ${String(n % 7)}`, data: { key } }
      const { body: event } = await insist(() =>
        call(gateway, 'POST', '/api/event', { token, body, headers: { 'idempotency-key': key } }),
      )
      acknowledged.set(key, event.id as number)
    }
  })

  const victims: readonly (() => unknown)[] = [
    () => stack.services.gateway.kill('SIGKILL'),
    () => stack.services.events.kill('SIGKILL'),
    () => stack.databases.events.kill(),
    () => stack.services.users.kill('SIGKILL'),
    () => stack.databases.users.kill(),
  ]
  for (let round = 0; round < rounds; round += 1)
    for (const kill of victims) {
      const before = acknowledged.size
      await pause(300)
      await kill()
      // Recovery is automatic: wait until writing goes on.
      while (acknowledged.size < before + writers * 3) await pause(50)
    }
  stopped = true
  await Promise.all(load)

  const dayAfter = (days: number): string =>
    new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
  const { body: verified } = await call(gateway, 'POST', '/graphql', {
    token: admin,
    body: {
      query: `query($storeId: Int!, $from: Date!, $to: Date!) {
          verifyRollups(storeId: $storeId, from: $from, to: $to) { consistent eventsCounted }
        }`,
      variables: { storeId: made.body.id, from: dayAfter(-1), to: dayAfter(1) },
    },
  })
  expect(verified.data.verifyRollups).toEqual({ consistent: true, eventsCounted: acknowledged.size })
  const held = new Map<string, number>()
  let after: string | null = null
  do {
    const page: LegacyAnswer = await call(gateway, 'POST', '/graphql', {
      token,
      body: {
        query: `query($after: String) { events(first: 10000, after: $after) { nodes { id data } pageInfo { endCursor hasNextPage } } }`,
        variables: { after },
      },
    })
    const { nodes, pageInfo } = page.body.data.events
    for (const { id, data } of nodes) {
      expect(held.has(data.key)).toBe(false)
      held.set(data.key, Number(id))
    }
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null
  } while (after !== null)
  expect(acknowledged.size).toBeGreaterThan(writers * 3 * victims.length * rounds)
  expect(held).toEqual(acknowledged)
}, 300_000)
