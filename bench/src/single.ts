import { floorTables } from './floor.ts'
import { measureInTurns, type Load, type Pace, type Pids, type Sample } from './load.ts'
import { startPeer, type Peer } from './peers/peer.ts'
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

type Target = Omit<Load, 'connections' | 'headers'>

/**
 * Events one by one: through the gateway, directly, behind other gateways, and what a plain route would do.
 */
export async function single(system: System, pace: Pace, connections: readonly number[]): Promise<Section> {
  const { stack, directory } = system
  const { token } = await system.openShop('single')
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const ours: Pids = {
    gateway: stack.services.gateway.pid,
    events: stack.services.events.pid,
  }
  const { ownerUrl } = stack.databases.events
  await using owner = disposable(new pg.Client({ connectionString: ownerUrl }))
  await owner.connect()
  await owner.query(floorTables)
  const subgraphs = { users: stack.urls.users, events: stack.urls.events, directory }
  await using mercurius = await startPeer('mercurius.ts', subgraphs)
  await using hive = await startPeer('hive.ts', subgraphs)
  await using group = await startPeer('plain.ts', { database: ownerUrl, mode: 'group' })
  await using insert = await startPeer('plain.ts', { database: ownerUrl, mode: 'insert' })
  const behind = (peer: Peer): Pids => ({ gateway: peer.pid, events: ours['events'] })
  const ways: readonly (readonly [name: string, load: Target, pids: Pids])[] = [
    ['gateway, REST', at(stack.urls.gateway).rest, ours],
    ['gateway, GraphQL', at(stack.urls.gateway).graphql, ours],
    ['events service, REST', at(stack.urls.events).rest, ours],
    ['events service, GraphQL', at(stack.urls.events).graphql, ours],
    ["Mercurius's gateway, GraphQL", at(mercurius.url).graphql, behind(mercurius)],
    ['Hive Gateway, GraphQL', at(hive.url).graphql, behind(hive)],
    ['Fastify + group commit + rollups', at(group.url).rest, { route: group.pid }],
    ['Fastify, one INSERT a request', at(insert.url).rest, { route: insert.pid }],
  ]
  const rates = new Map<string, Sample>()
  for (const count of connections) {
    const samples = await measureInTurns(
      ways.map(([, load, pids]) => ({ load: { ...load, headers, connections: count }, pids })),
      pace,
    )
    for (const [place, [name]] of ways.entries()) {
      const sample = samples[place]
      if (sample === undefined) continue
      rates.set(`${name} ${String(count)}`, sample)
      process.stderr.write(`${name} ${String(count)}: ${cellsOf(sample).join(' | ')}\n`)
    }
  }
  const rows = ways.flatMap(([name]) =>
    connections.flatMap((count): Row[] => {
      const sample = rates.get(`${name} ${String(count)}`)
      return sample ? [[name, count, ...cellsOf(sample)]] : []
    }),
  )

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
