import { setTimeout as pause } from 'node:timers/promises'
import type { Pace } from './load.ts'
import { connect, fill } from './seed.ts'
import type { System } from './system.ts'
import type { Row, Section } from './table.ts'

/** Events of the busy store, and of the other stores. */
const large = 300_000
const small = 20_000
/** Months without a partition, oldest last. */
const oldMonths = Array.from({ length: 80 }, (_, at) => new Date(Date.UTC(2024, -at, 15)).toISOString())

interface Request {
  readonly url: string
  readonly token: string
  readonly body: unknown
}

/** Sends a request. @returns milliseconds, NaN when it was refused or answered with errors */
async function time({ url, token, body }: Request, refused: Map<string, number>): Promise<number> {
  const began = performance.now()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  const code = /"code":"(\w+)"/.exec(text)?.[1]
  if (response.ok && code === undefined) return performance.now() - began
  const reason = code ?? String(response.status)
  refused.set(reason, (refused.get(reason) ?? 0) + 1)
  return NaN
}

/** Requests one after the other. */
interface Probe {
  readonly name: string
  readonly next: () => Request
  /** Milliseconds between an answer and the next request. */
  readonly gap: number
}

/** Requests beside the probes, so many at a time. */
interface Neighbour {
  readonly next: () => Request
  readonly atOnce: number
  readonly gap?: number
}

const at = (sorted: readonly number[], share: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

const milliseconds = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(0))

/** Probes while the neighbours are busy, and for no less than some seconds. */
async function measure(
  scenario: string,
  probes: readonly Probe[],
  neighbours: readonly Neighbour[],
  seconds: number,
): Promise<{ rows: Row[]; p99: Map<string, number> }> {
  const end = performance.now() + seconds * 1_000
  const loop = async (next: () => Request, gap: number, times: number[], refused: Map<string, number>) => {
    while (performance.now() < end) {
      times.push(await time(next(), refused))
      if (gap > 0) await pause(gap)
    }
  }
  const busy = neighbours.flatMap(({ next, atOnce, gap = 0 }) => {
    const answers = { times: [] as number[], refused: new Map<string, number>() }
    return Array.from({ length: atOnce }, () => ({
      answers,
      done: loop(next, gap, answers.times, answers.refused),
    }))
  })
  // Their first requests are under way by then.
  if (busy.length > 0) await pause(300)
  const measured = await Promise.all(
    probes.map(async ({ name, next, gap }) => {
      const times: number[] = []
      const refused = new Map<string, number>()
      await loop(next, gap, times, refused)
      return { name, times: times.filter((ms) => ms >= 0).sort((a, b) => a - b), refused }
    }),
  )
  await Promise.all(busy.map(({ done }) => done))
  const neighbourAnswers = [...new Set(busy.map(({ answers }) => answers))].map(
    ({ times, refused }) =>
      `${String(times.filter((ms) => ms >= 0).length)} answered, slowest ${Math.max(0, ...times.filter((ms) => ms >= 0)).toFixed(0)} ms${describe(refused)}`,
  )
  const rows = measured.map(({ name, times, refused }): Row => [
    scenario,
    name,
    times.length,
    milliseconds(at(times, 0.5)),
    milliseconds(at(times, 0.99)),
    milliseconds(times.at(-1)),
    describe(refused).slice(2) || '0',
    neighbourAnswers.join('; '),
  ])
  for (const row of rows) process.stderr.write(`${row.join(' | ')}\n`)
  return { rows, p99: new Map(measured.map(({ name, times }) => [name, at(times, 0.99) ?? NaN])) }
}

const describe = (refused: ReadonlyMap<string, number>): string =>
  [...refused].map(([code, count]) => `, ${String(count)} ${code}`).join('')

/**
 * Response times of other stores' single events, aggregates and small analyses under heavy load by one tenant:
 * twenty concurrent funnels, the first events of months without a partition during four analyses, eight lists of
 * 20,000 entities, and the deletion of all its events.
 */
export async function fairness(system: System, { seconds }: Pace): Promise<Section> {
  const { stack, post } = system
  await using client = await connect(stack.databases.events.ownerUrl)
  const greedy = await system.openShop('busy store')
  const beside = await system.openShop('beside')
  const late = await system.openShop('late')
  process.stderr.write(`seeding ${large.toLocaleString('en')} events\n`)
  await fill(client, greedy.id, large)
  await fill(client, beside.id, small)

  const gateway = `${stack.urls.gateway}/graphql`
  const graph = (token: string, query: string, variables: object = {}, url = gateway): Request => ({
    url,
    token,
    body: { query, variables },
  })
  const fromDay = new Date(Date.now() - 85 * 86_400_000).toISOString().slice(0, 10)
  const funnel = (token: string) => () =>
    graph(
      token,
      `query($fromDay: Date!) {
         funnel(filter: { fromDay: $fromDay }, withinSeconds: 864000,
                steps: [{ types: ["visit"] }, { types: ["cart"] }, { types: ["purchase"] }]) { steps { users } }
       }`,
      { fromDay },
    )
  const event = (token: string, more: object = {}) => ({
    url: `${stack.urls.gateway}/api/event`,
    token,
    body: { type: 'visit', user_id: 'u-1', data: {}, ...more },
  })
  const representations = Array.from({ length: 20_000 }, (_, n) => ({
    __typename: 'User',
    storeId: greedy.id,
    ref: `u-${String(n)}`,
  }))
  const entities = () =>
    graph(
      greedy.token,
      `query($representations: [_Any!]!) {
         _entities(representations: $representations) { ... on User { eventCount lastSeenAt } }
       }`,
      { representations },
      `${stack.urls.events}/graphql`,
    )
  let month = 0
  const firstOfMonth = () => event(late.token, { occurred_at: oldMonths[month++ % oldMonths.length] })

  const probes: readonly Probe[] = [
    { name: 'single event', gap: 10, next: () => event(beside.token) },
    {
      name: 'daily aggregate',
      gap: 20,
      next: () => graph(beside.token, '{ eventAmount(type: "visit", limit: 50) { eventAmount } }'),
    },
    { name: 'small analysis', gap: 50, next: funnel(beside.token) },
  ]
  const scenarios: readonly (readonly [string, readonly Neighbour[]])[] = [
    ['alone', []],
    ['twenty funnels', [{ next: funnel(greedy.token), atOnce: 20 }]],
    [
      'new months, four analyses',
      [
        { next: funnel(greedy.token), atOnce: 4 },
        { next: firstOfMonth, atOnce: 1, gap: 500 },
      ],
    ],
    ['eight times 20,000 entities', [{ next: entities, atOnce: 8 }]],
  ]
  await measure('warm-up', probes, [], 2)
  const measured = []
  for (const [name, neighbours] of scenarios) measured.push(await measure(name, probes, neighbours, seconds))
  const deleted = fetch(`${stack.urls.events}/api/event/by-store/${String(greedy.id)}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${greedy.token}` },
  }).then((response) => response.text())
  measured.push(await measure('deletion of 300,000 events', probes, [], seconds))
  await deleted
  await post('/graphql', { query: '{ __typename }' }, beside.token)

  const [alone] = measured
  const names = [...scenarios.map(([name]) => name), 'deletion of 300,000 events']
  return {
    title: 'Other stores during heavy load by one',
    columns: ['beside', 'request', 'answered', 'p50 ms', 'p99 ms', 'slowest ms', 'refused', 'neighbours'],
    rows: measured.flatMap(({ rows }) => rows),
    ratios: measured
      .slice(1)
      .flatMap(({ p99 }, index) =>
        [...p99].map(
          ([name, ms]) =>
            `${name}, p99 beside ${names[index + 1] ?? ''} : alone: **${(ms / (alone?.p99.get(name) ?? NaN)).toFixed(1)}**`,
        ),
      ),
  }
}
