import type { System } from '../system.ts'
import type { Row, Section } from '../table.ts'
import { inEvent, jsonBodies, otherBodies, streams, values, type HostileBody } from './bodies.ts'
import { documents } from './documents.ts'
import { createProbe, longestOf, type Held, type Probe } from './probe.ts'
import { send, type HostileRequest } from './request.ts'
import { heads, routesOf, type Route } from './routes.ts'

/** Milliseconds for which an event loop may be held. */
const limit = 100
/** A loop that is held is held again; what else the machine does is not. */
const attempts = 3
/** Maximum bytes without and with a token. */
const small = 65_536
const large = 16_777_216

interface Attack {
  readonly service: string
  /** The route and its caller. */
  readonly target: string
  readonly shape: string
  readonly request: () => HostileRequest
}

interface Found extends Attack {
  readonly status: string
  readonly held: Held
}

const withBody = (
  { method, path }: { readonly method: string; readonly path: string },
  { type, encoding, chunk, bytes }: HostileBody,
  size: number,
  token?: string,
): HostileRequest => ({
  method,
  path,
  headers: {
    'content-type': type,
    ...(encoding !== undefined && { 'content-encoding': encoding }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  },
  body: bytes(size),
  chunk,
})

const sizes = [
  ['64 KiB', small],
  ['16 MiB', large],
] as const

/** Anonymous requests to each route. */
function* anonymous(service: string, routes: readonly Route[]): Generator<Attack> {
  for (const route of routes) {
    const target = `${route.method} ${route.path}`
    for (const { name, of } of heads) yield { service, target, shape: name, request: () => of(route) }
    if (!route.body) continue
    for (const body of [...jsonBodies, ...otherBodies, ...streams])
      for (const [size, bytes] of sizes)
        yield {
          service,
          target,
          shape: `${body.name}, ${size}`,
          request: () => withBody(route, body, bytes),
        }
  }
  yield* graphql(service, undefined)
}

/** Requests with the token of a store to routes with large bodies. */
function* signedIn(service: string, token: string): Generator<Attack> {
  const { rest, graphql: graph } = inEvent
  const routes = [
    ...(service === 'users' ? [] : ([['/api/event', rest]] as const)),
    ['/graphql', graph],
  ] as const
  for (const [path, wrap] of routes)
    for (const [name, value] of Object.entries(values)) {
      const body = {
        name,
        type: 'application/json',
        bytes: (size: number) => Buffer.from(wrap(value(size - 300))),
      }
      yield {
        service,
        target: `POST ${path}, signed in`,
        shape: `data: ${name}, 16 MiB`,
        request: () => withBody({ method: 'POST', path }, body, large, token),
      }
    }
  if (service !== 'users')
    for (const body of [...jsonBodies, ...otherBodies, ...streams])
      yield {
        service,
        target: 'POST /api/events, signed in',
        shape: `${body.name}, 16 MiB`,
        request: () => withBody({ method: 'POST', path: '/api/events' }, body, large, token),
      }
  yield* graphql(service, token)
}

function* graphql(service: string, token: string | undefined): Generator<Attack> {
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const post = (path: string, body: unknown) => (): HostileRequest => ({
    method: 'POST',
    path,
    headers,
    body: Buffer.from(JSON.stringify(body)),
  })
  const who = token === undefined ? '' : ', signed in'
  for (const { name, query, variables = {} } of documents) {
    const shape = `document: ${name}`
    yield { service, target: `POST /graphql${who}`, shape, request: post('/graphql', { query, variables }) }
    if (query.length < 12_000)
      yield {
        service,
        target: `GET /graphql${who}`,
        shape,
        request: () => ({ method: 'GET', path: `/graphql?query=${encodeURIComponent(query)}`, headers }),
      }
    const operations = Array.from({ length: 256 }, (_, at) => [at, 0, {}, variables])
    const batch = {
      documents: operations.map((_, at) => [`${query}#${String(at)}`, null]),
      senders: [token === undefined ? {} : { authorization: `Bearer ${token}` }],
      operations,
    }
    if (service !== 'gateway')
      yield { service, target: `POST /graphql/batch${who}`, shape, request: post('/graphql/batch', batch) }
  }
}

async function measure(probe: Probe, origin: string, attack: Attack): Promise<Found> {
  const request = attack.request()
  let least: Found | undefined
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    let status = ''
    const held = await probe.during(async () => {
      status = await send(origin, request)
    })
    if (least === undefined || longestOf(held) < longestOf(least.held)) least = { ...attack, status, held }
    if (longestOf(held) <= limit) break
  }
  if (least === undefined) throw new Error('nothing was measured')
  return least
}

const cellsOf = ({ shape, status, held }: Found): Row => [
  shape,
  status,
  Object.entries(held)
    .map(([name, ms]) => `${name} ${ms.toFixed(0)}`)
    .join(', '),
]

/** Requests that are meant to cost more than their bytes: how long the event loops are held by each. */
export async function hostile({ stack, openShop }: System, matching: RegExp): Promise<Section> {
  const { token } = await openShop('hostile')
  using probe = createProbe(stack.urls)
  const found = new Map<string, Found[]>()
  for (const [service, origin] of Object.entries(stack.urls)) {
    const attacks: Attack[] = [...anonymous(service, await routesOf(origin)), ...signedIn(service, token)]
    for (const attack of attacks.filter(({ target, shape }) =>
      matching.test(`${service} ${target} ${shape}`),
    )) {
      const result = await measure(probe, origin, attack)
      const key = `${service}, ${attack.target}`
      found.set(key, [...(found.get(key) ?? []), result])
      if (longestOf(result.held) > limit) process.stderr.write(`${key} | ${cellsOf(result).join(' | ')}\n`)
    }
  }
  const tooLong = [...found.values()].flat().filter(({ held }) => longestOf(held) > limit)
  if (tooLong.length > 0) process.exitCode = 1
  return {
    title: 'Hostile requests: the longest time an event loop was held',
    columns: ['route', 'shapes', 'worst shape', 'status', 'held ms'],
    rows: [...found].map(([key, results]) => {
      const [worst] = results.toSorted((a, b) => longestOf(b.held) - longestOf(a.held))
      return [key, results.length, ...(worst ? cellsOf(worst) : [])]
    }),
    ratios: [
      `hostile requests that hold an event loop for more than ${String(limit)} ms (none is wanted): **${String(tooLong.length)}**`,
    ],
  }
}
