import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from '@jest/globals'
import type { RestRoute } from '../src/rest-route.ts'
import { startGraphApp } from './graph-app.ts'

const routes: readonly RestRoute[] = (['POST', 'DELETE'] as const).flatMap((method) =>
  [true, false].map((isPublic): RestRoute => ({
    method,
    url: isPublic ? '/api/public' : '/api/private/:amount',
    summary: 'Echoes',
    tag: 'Echo',
    public: isPublic,
    ...(!isPublic && { params: { amount: { type: 'integer' } } }),
    ...(method === 'POST' && {
      body: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
    }),
    operation: 'query ($text: String) { me echo(text: $text) }',
    variables: ({ body }) => ({ text: body['text'] }),
    status: 200,
    answer: {},
    reply: ({ me }: { me: string }) => ({ me }),
  })),
)

const start = () => startGraphApp(routes)
type App = Awaited<ReturnType<typeof start>>

/** The status of the response to a request that only sends its headers, and announces a body. */
async function statusOfHead(
  { origin }: App,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  await once(socket, 'connect')
  const head = { host: 'a', 'content-length': '1000000000', ...headers }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`)
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return Number(answer.toString('latin1', 9, 12))
}

const unreadable: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'application/json' },
  { 'content-type': 'application/json', 'content-encoding': 'unheard-of' },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': 'multipart/form-data; boundary=x' },
  { 'content-type': 'nonsense' },
  {},
]

test('a missing token is answered before the body is read', async () => {
  await using app = await start()
  for (const headers of unreadable)
    for (const [method, path] of [
      ['POST', '/api/private/not-a-number'],
      ['DELETE', '/api/private/1'],
    ] as const)
      expect([headers, await statusOfHead(app, method, path, headers)]).toEqual([headers, 401])
})

test('an invalid token is answered before the body is read', async () => {
  await using app = await start()
  const expired = app.issuer.tokenFor({ role: 'STORE', keyId: 'key', storeId: 1 }, -60)
  for (const authorization of ['Bearer forged', 'Basic a', `Bearer ${expired}`])
    for (const headers of unreadable)
      for (const path of ['/api/private/1', '/graphql'])
        expect(await statusOfHead(app, 'POST', path, { ...headers, authorization })).toBe(401)
  // A client that signs in may still send an expired token.
  expect(await statusOfHead(app, 'POST', '/api/public', { authorization: 'Bearer forged' })).toBe(415)
})

test('paths and methods that do not exist are answered before the body is read', async () => {
  await using app = await start()
  for (const headers of unreadable) {
    expect(await statusOfHead(app, 'POST', '/nowhere', headers)).toBe(404)
    expect(await statusOfHead(app, 'PATCH', '/api/public', headers)).toBe(405)
    expect(await statusOfHead(app, 'POST', '/health/live', headers)).toBe(405)
  }
})

test('without a token a body has 64 KiB at most, with one the configured maximum', async () => {
  await using app = await startGraphApp(routes, undefined, undefined, undefined, undefined, 1_000_000)
  const json = { 'content-type': 'application/json' }
  const bodyOf = (length: number) => {
    const empty = JSON.stringify({ query: '{ me }', text: '' })
    return empty.replace('""', `"${'x'.repeat(length - empty.length)}"`)
  }
  const post = async (path: string, length: number, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', body: bodyOf(length), headers: { ...json, ...headers } }
    const response = await fetch(app.origin + path, init)
    return [response.status, ((await response.json()) as { message?: string }).message] as const
  }
  const authorization = `Bearer ${app.token}`
  for (const path of ['/graphql', '/api/public']) {
    expect((await post(path, 65_536))[0]).toBe(200)
    expect((await post(path, 65_537))[0]).toBe(413)
  }
  expect((await post('/graphql', 1_000_000, { authorization }))[0]).toBe(200)
  expect((await post('/graphql', 1_000_001, { authorization }))[0]).toBe(413)
  expect(await post('/api/public', 65_537, { authorization })).toEqual([
    413,
    'The request body is too large: at most 65,536 bytes are taken without an access token.',
  ])
  expect(await post('/api/private/1', 1_000_001, { authorization })).toEqual([
    413,
    'The request body is too large: at most 1,000,000 bytes are taken.',
  ])
  // Also for a body of unknown length.
  const streamed = await fetch(`${app.origin}/graphql`, {
    method: 'POST',
    headers: json,
    body: new Blob([bodyOf(200_000)]).stream(),
    duplex: 'half',
  })
  expect(streamed.status).toBe(413)
})
