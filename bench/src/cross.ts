import { measureInTurns, type Contestant, type Pace } from './load.ts'
import { startPeer } from './peers/peer.ts'
import type { System } from './system.ts'
import { cellsOf, ratio, sampleColumns, type Row, type Section } from './table.ts'

const query =
  'query ($to: DateTime!) { events(first: 20, to: $to) { nodes { id type createdAt user { id email username } } } }'

interface Answer {
  readonly data?: { readonly events: { readonly nodes: readonly { readonly user?: { email: string } }[] } }
  readonly errors?: unknown
}

/** Twenty events with their users: the events service, then the users service. */
export async function cross(system: System, pace: Pace): Promise<Section> {
  const { stack, directory, post } = system
  const { token } = await system.openShop('cross')
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const users: string[] = []
  for (let at = 0; at < 200; at += 1) {
    const name = `user${String(at)}`
    const body = {
      email: `${name}@example.org`,
      username: name,
      first_name: 'A',
      last_name: 'B',
      phone: 100 + at,
    }
    users.push((await post<{ id: string }>('/api/user', body, token)).id)
  }
  const began = Date.now() - 86_400_000
  const instant = (minute: number): string => new Date(began + minute * 60_000).toISOString()
  const events = Array.from({ length: 1_000 }, (_, at) => ({
    type: 'visit',
    userId: users[(at * 37) % users.length],
    occurredAt: instant(at),
  }))
  const record = 'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }'
  await post('/graphql', { query: record, variables: { input: { events } } }, token)
  // Each requests other events and users: Hive deduplicates equal concurrent queries.
  const bodies = Array.from({ length: 980 }, (_, at) =>
    JSON.stringify({ query, variables: { to: instant(at + 20) } }),
  )
  const contestant = async (url: string, pid: number | undefined): Promise<Contestant> => {
    const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: bodies[0] ?? '' })
    const { data, errors } = (await answer.json()) as Answer
    if (
      errors ||
      data?.events.nodes.length !== 20 ||
      !data.events.nodes.every(({ user }) => user?.email !== undefined)
    )
      throw new Error(`${url} answers something else: ${JSON.stringify(errors ?? data).slice(0, 500)}`)
    return {
      load: { url: `${url}/graphql`, headers, bodies, connections: 64 },
      pids: { gateway: pid, events: stack.services.events.pid, users: stack.services.users.pid },
    }
  }
  const subgraphs = { users: stack.urls.users, events: stack.urls.events, directory }
  await using mercurius = await startPeer('mercurius.ts', subgraphs)
  await using hive = await startPeer('hive.ts', subgraphs)
  const names = ['our gateway', "Mercurius's gateway", 'Hive Gateway']
  const samples = await measureInTurns(
    [
      await contestant(stack.urls.gateway, stack.services.gateway.pid),
      await contestant(mercurius.url, mercurius.pid),
      await contestant(hive.url, hive.pid),
    ],
    pace,
  )
  const rows = samples.map((sample, at): Row => [names[at] ?? '', 64, ...cellsOf(sample)])
  for (const row of rows) process.stderr.write(`${row.join(' | ')}\n`)
  const [ours = NaN, others = NaN, third = NaN] = samples.map(({ rate }) => rate)
  return {
    title: 'A query over both subgraphs: twenty events with their users',
    columns: ['gateway', 'connections', ...sampleColumns],
    rows,
    ratios: [
      ratio("cross-subgraph query, our gateway : Mercurius's", ours, others),
      ratio('cross-subgraph query, our gateway : Hive', ours, third),
    ],
  }
}
