import { floorTables } from './floor.ts'
import { measure, type Load, type Pace, type Pids, type Sample } from './load.ts'
import { startPeer } from './peers/peer.ts'
import type { System } from './system.ts'
import { cellsOf, ratio, sampleColumns, type Row, type Section } from './table.ts'
import pg from 'pg'

const query = `mutation Record($input: RecordEventInput!) {
  recordEvent(input: $input) { event { id type storeId userId createdAt } duplicate }
}`
const event = { type: 'purchase', user_id: 'u-1', data: { page: '/checkout', price: 12.5 } }
const rest = JSON.stringify(event)
const graphql = JSON.stringify({
  query,
  variables: { input: { type: event.type, userId: event.user_id, data: event.data } },
})
/** One event, as clients of either kind send it. */
export const at = (url: string) => ({
  rest: { url: `${url}/api/event`, body: rest },
  graphql: { url: `${url}/graphql`, body: graphql },
})
const previous = { rest: 161 }

/** Events one by one: through the gateway, directly, behind other gateways, and what a plain route would do. */
export async function single(system: System, pace: Pace, connections: readonly number[]): Promise<Section> {
  const { stack, directory } = system
  const { token } = await system.openShop('single')
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const ours: Pids = {
    gateway: stack.services.gateway.pid,
    events: stack.services.events.pid,
  }
  const rows: Row[] = []
  const rates = new Map<string, Sample>()
  const run = async (
    name: string,
    load: Omit<Load, 'connections' | 'headers'>,
    pids: Pids,
  ): Promise<void> => {
    for (const count of connections) {
      const sample = await measure({ ...load, headers, connections: count }, pids, pace)
      rates.set(`${name} ${String(count)}`, sample)
      rows.push([name, count, ...cellsOf(sample)])
      process.stderr.write(`${name} ${String(count)}: ${cellsOf(sample).join(' | ')}\n`)
    }
  }
  await run('gateway, REST', at(stack.urls.gateway).rest, ours)
  await run('gateway, GraphQL', at(stack.urls.gateway).graphql, ours)
  await run('events service, REST', at(stack.urls.events).rest, ours)
  await run('events service, GraphQL', at(stack.urls.events).graphql, ours)

  const subgraphs = { users: stack.urls.users, events: stack.urls.events, directory }
  for (const [name, file] of [
    ["Mercurius's gateway, GraphQL", 'mercurius.ts'],
    ['Hive Gateway, GraphQL', 'hive.ts'],
  ] as const) {
    await using peer = await startPeer(file, subgraphs)
    await run(name, at(peer.url).graphql, { gateway: peer.pid, events: ours['events'] })
  }

  const { ownerUrl } = stack.databases.events
  await using owner = disposable(new pg.Client({ connectionString: ownerUrl }))
  await owner.connect()
  await owner.query(floorTables)
  for (const [name, mode] of [
    ['Fastify + group commit + rollups', 'group'],
    ['Fastify, one INSERT a request', 'insert'],
  ] as const) {
    await using peer = await startPeer('plain.ts', { database: ownerUrl, mode })
    await run(name, at(peer.url).rest, { route: peer.pid })
  }

  const rate = (name: string, count = 64): number => rates.get(`${name} ${String(count)}`)?.rate ?? NaN
  return {
    title: 'Single events',
    columns: ['way', 'connections', ...sampleColumns],
    rows,
    ratios: [
      ratio(
        'gateway, REST, 64 connections : the previous system at its best (161/s)',
        rate('gateway, REST'),
        previous.rest,
      ),
      ratio(
        'gateway, GraphQL, 64 : the previous system at its best',
        rate('gateway, GraphQL'),
        previous.rest,
      ),
      ratio(
        "recordEvent, our gateway : Mercurius's, 64",
        rate('gateway, GraphQL'),
        rate("Mercurius's gateway, GraphQL"),
      ),
      ratio('recordEvent, our gateway : Hive, 64', rate('gateway, GraphQL'), rate('Hive Gateway, GraphQL')),
      ratio(
        'events service, REST : Fastify + group commit + rollups, 64',
        rate('events service, REST'),
        rate('Fastify + group commit + rollups'),
      ),
    ],
  }
}

const disposable = (client: pg.Client) => Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
