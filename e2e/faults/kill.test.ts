import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call, type LegacyAnswer } from '../support/legacy-client.ts'
import { createRandom } from '../support/random.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'
import { createClients, type Client, type Ledger } from './load/clients.ts'

/** Number of kills; `npm run test:soak` uses more. */
const kills = Number(process.env['FAULT_KILLS'] ?? 8)
const seed = Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000)
/** Milliseconds: two minutes, and half of one for each kill. */
const maxWait = 120_000 + kills * 30_000

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({ durable: true })
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

/** Everything a store holds, by idempotency key. */
async function readAll(token: string): Promise<{ key: string; id: number; userId: string }[]> {
  const found = []
  let after: string | null = null
  do {
    const page: LegacyAnswer = await call(stack.urls.gateway, 'POST', '/graphql', {
      token,
      body: {
        query: `query($after: String) { events(first: 10000, after: $after) {
          nodes { id userId data } pageInfo { endCursor hasNextPage } } }`,
        variables: { after },
      },
    })
    const { nodes, pageInfo } = page.body.data.events
    for (const { id, userId, data } of nodes) found.push({ key: data.key as string, id: Number(id), userId })
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null
  } while (after !== null)
  return found
}

const dayAfter = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

test(
  `every acknowledged event is there exactly once, whatever process is killed under load`,
  async () => {
    process.stderr.write(`FAULT_SEED=${String(seed)} FAULT_KILLS=${String(kills)}\n`)
    const random = createRandom(seed)
    const { gateway } = stack.urls
    const admin = await authenticate(gateway, stack.adminApiKey)
    const made = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Shoes' } })
    const token = await authenticate(gateway, made.body.api_key)

    const ledger: Ledger = { events: new Map(), deleted: new Set(), deletedKeys: new Set() }
    const clients = createClients({ gateway, token, random: createRandom(seed + 1) }, ledger)
    const kinds: readonly (readonly [string, number, Client])[] = [
      ['rest', 6, clients.rest],
      ['single', 6, clients.single],
      ['bulk', 2, clients.bulk],
      ['stream', 1, clients.stream],
      ['deleting', 2, clients.deleting],
      ['erasing', 2, clients.erasing],
    ]
    let stopped = false
    const faults: unknown[] = []
    const load = kinds.flatMap(([kind, count, client]) =>
      Array.from({ length: count }, (_, at) =>
        client(`${kind} ${String(at)}`, () => stopped).catch((error: unknown) => faults.push(error)),
      ),
    )

    const victims: Readonly<Record<string, () => Promise<unknown>>> = {
      gateway: () => stack.services.gateway.kill('SIGKILL'),
      events: () => stack.services.events.kill('SIGKILL'),
      'events database': () => stack.databases.events.kill(),
      users: () => stack.services.users.kill('SIGKILL'),
      'users database': () => stack.databases.users.kill(),
    }
    // Each at least once if there are enough, then at random.
    const names = Object.keys(victims)
    for (let n = 0; n < kills; n += 1) {
      const name = n < names.length ? names[n] : names[Math.floor(random() * names.length)]
      await pause(Math.floor(random() * 1_500))
      const before = { events: ledger.events.size, deleted: ledger.deleted.size }
      await victims[name ?? '']?.()
      // Recovery is automatic: wait until most writes and deletions succeed again.
      const wanted = random() < 0.75 ? 1 : 0
      while (
        faults.length === 0 &&
        (ledger.events.size < before.events + 50 * wanted || ledger.deleted.size < before.deleted + wanted)
      )
        await pause(50)
    }
    stopped = true
    await Promise.all(load)
    expect(faults).toEqual([])

    const held = await readAll(token)
    const ids = new Map(held.map(({ key, id }) => [key, id]))
    expect(ids.size).toBe(held.length)
    expect(new Set(ids.keys())).toEqual(new Set(ledger.events.keys()))
    for (const [key, id] of ledger.events)
      if (id !== undefined) expect([key, ids.get(key)]).toEqual([key, id])
    expect(
      held.filter(({ key, userId }) => ledger.deletedKeys.has(key) || ledger.deleted.has(userId)),
    ).toEqual([])

    const { body: verified } = await call(gateway, 'POST', '/graphql', {
      token: admin,
      body: {
        query: `query($storeId: Int!, $from: Date!, $to: Date!) {
        verifyRollups(storeId: $storeId, from: $from, to: $to) { consistent differenceCount eventsCounted }
      }`,
        variables: { storeId: made.body.id, from: dayAfter(-2), to: dayAfter(1) },
      },
    })
    expect(verified.data.verifyRollups).toEqual({
      consistent: true,
      differenceCount: 0,
      eventsCounted: ledger.events.size,
    })
    expect(ledger.deleted.size).toBeGreaterThan(0)
    process.stderr.write(
      `${String(ledger.events.size)} events, ${String(ledger.deleted.size)} users deleted with their events\n`,
    )
  },
  maxWait,
)
