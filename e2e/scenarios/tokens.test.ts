import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { tokenAudience, tokenIssuer } from '@user-stats/core'
import { compact, fixed, hmac, part, pss, rsa, rsaKeys, withSpareBits } from '../support/forge-token.ts'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

// Ideas of the Wycheproof vectors for JWS, RFC 8725 and what has been found in libraries, on every port.

const ours = rsaKeys()
const foreign = rsaKeys()
const kid = randomUUID()
const jwk = ours.publicKey.export({ format: 'jwk' })
const pem = ours.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const der = ours.publicKey.export({ type: 'spki', format: 'der' })

let stack: TestStack
let admin: string
let keyId: string
beforeAll(async () => {
  // Raise the limits: the tests fail authentication very often.
  stack = await startTestStack({ env: { AUTH_FAILURE_LIMIT: '100000' } })
  admin = await authenticate(stack.urls.gateway, stack.adminApiKey)
  keyId = JSON.parse(Buffer.from(admin.split('.')[1] ?? '', 'base64url').toString()).sub as string
  // A signing key of which the tests hold the private half; the services verify with it and never sign.
  const database = new Client({ connectionString: stack.databases.users.ownerUrl })
  await database.connect()
  await database.query(
    `INSERT INTO signing_keys (kid, public_key, private_key, master_key_id) VALUES ($1, $2, '', 'of the tests')`,
    [kid, pem],
  )
  await database.end()
  // Services look for keys they do not know at most every two seconds.
  while ((await answers(good())).some((answer) => answer.startsWith('401'))) await pause(100)
}, 300_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const now = () => Math.floor(Date.now() / 1_000)
const head = { alg: 'RS256', typ: 'JWT', kid }
const claims = (changes: object = {}) => ({
  sub: keyId,
  role: 'ADMIN',
  iat: now(),
  exp: now() + 600,
  aud: tokenAudience,
  iss: tokenIssuer,
  ...changes,
})
const good = (changes: object = {}) => compact(head, claims(changes), rsa(ours.privateKey))
/** Signed with the right key under another header. */
const headed = (changes: object) => compact({ ...head, ...changes }, claims(), rsa(ours.privateKey))
const cut = (token: string) => token.split('.') as [string, string, string]
const withSignature = (change: (signature: Buffer) => Buffer) => {
  const [header, payload, signature] = cut(good())
  return `${header}.${payload}.${change(Buffer.from(signature, 'base64url')).toString('base64url')}`
}
const flipped = (at: number) =>
  withSignature((signature) => Buffer.from(signature.map((byte, n) => (n === at ? byte ^ 1 : byte))))

/** Each port over the graph and over REST. */
const probes = (): [string, string, string, unknown?][] => [
  [stack.urls.gateway, 'POST', '/graphql', { query: '{ __typename }' }],
  [stack.urls.users, 'POST', '/graphql', { query: '{ __typename }' }],
  [stack.urls.events, 'POST', '/graphql', { query: '{ __typename }' }],
  [stack.urls.gateway, 'GET', '/api/store'],
  [stack.urls.gateway, 'GET', '/api/user/x/export'],
  [stack.urls.users, 'GET', '/api/user/a@b.c?store_id=1'],
  [stack.urls.events, 'GET', '/api/event/amount/view'],
]

async function answers(token: string): Promise<string[]> {
  return await Promise.all(
    probes().map(async ([origin, method, path, body]) => {
      const { status, body: answer } = await call(origin, method, path, {
        token,
        ...(body !== undefined && { body: body as Record<string, unknown> }),
      })
      return `${String(status)} ${String(answer.code ?? answer.errors?.[0].extensions.code ?? 'ok')}`
    }),
  )
}

const refused = (code: string): string[] => probes().map(() => `401 ${code}`)

test('the tests sign tokens that every port accepts, also within the clock tolerance', async () => {
  const accepted = [
    '200 ok',
    '200 ok',
    '200 ok',
    '200 ok',
    '404 USER_NOT_FOUND',
    '404 STORE_NOT_FOUND',
    '200 ok',
  ]
  for (const token of [
    admin,
    good(),
    good({ aud: [tokenAudience, 'else'] }),
    good({ nbf: now() + 2 }),
    good({ exp: now() - 1 }),
  ])
    expect(await answers(token)).toEqual(accepted)
})

test.each([
  ['long expired', () => good({ exp: now() - 3_600 }), 'TOKEN_EXPIRED'],
  ['expired by more than clocks differ', () => good({ exp: now() - 10 }), 'TOKEN_EXPIRED'],
])('an expired token is refused on every port: %s', async (_name, token, code) => {
  expect(await answers(token())).toEqual(refused(code))
})

const forged: Record<string, () => string> = {
  'alg none': () => `${part({ ...head, alg: 'none' })}.${part(claims())}.`,
  'alg none with a good signature': () => headed({ alg: 'none' }),
  'alg None': () => `${part({ ...head, alg: 'None' })}.${part(claims())}.`,
  'alg in small letters': () => headed({ alg: 'rs256' }),
  'alg empty': () => headed({ alg: '' }),
  'alg null': () => headed({ alg: null }),
  'alg a list': () => headed({ alg: ['RS256'] }),
  'no alg': () => headed({ alg: undefined }),
  'HMAC with the public key as PEM': () => compact({ ...head, alg: 'HS256' }, claims(), hmac(pem)),
  'HMAC with the PEM without its last line break': () =>
    compact({ ...head, alg: 'HS256' }, claims(), hmac(pem.trimEnd())),
  'HMAC with the public key as DER': () => compact({ ...head, alg: 'HS256' }, claims(), hmac(der)),
  'HMAC with the public key as base64': () =>
    compact({ ...head, alg: 'HS256' }, claims(), hmac(der.toString('base64'))),
  'HMAC with the JWK': () => compact({ ...head, alg: 'HS256' }, claims(), hmac(JSON.stringify(jwk))),
  'HMAC with the modulus': () =>
    compact({ ...head, alg: 'HS256' }, claims(), hmac(Buffer.from(String(jwk.n), 'base64url'))),
  'HMAC with an empty secret': () => compact({ ...head, alg: 'HS256' }, claims(), hmac('')),
  'HMAC under the name of RS256': () => compact(head, claims(), hmac(pem)),
  'RS384 with the right key': () =>
    compact({ ...head, alg: 'RS384' }, claims(), rsa(ours.privateKey, 'sha384')),
  'RS512 with the right key': () =>
    compact({ ...head, alg: 'RS512' }, claims(), rsa(ours.privateKey, 'sha512')),
  'PS256 with the right key': () => compact({ ...head, alg: 'PS256' }, claims(), pss(ours.privateKey)),
  'PS256 under the name of RS256': () => compact(head, claims(), pss(ours.privateKey)),
  'SHA-1 under the name of RS256': () => compact(head, claims(), rsa(ours.privateKey, 'sha1')),
  'SHA-512 under the name of RS256': () => compact(head, claims(), rsa(ours.privateKey, 'sha512')),
  'ES256 with a signature of zeros': () =>
    compact({ ...head, alg: 'ES256' }, claims(), fixed(Buffer.alloc(64))),
  'ES256 of a foreign key': () =>
    compact(
      { ...head, alg: 'ES256' },
      claims(),
      rsa(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ),
  'an unknown kid': () => headed({ kid: randomUUID() }),
  'no kid': () => headed({ kid: undefined }),
  'a kid that is a number': () => headed({ kid: 1 }),
  'an empty kid': () => headed({ kid: '' }),
  'a kid that is a path': () => headed({ kid: '../../dev/null' }),
  'a kid that is SQL': () => headed({ kid: "' OR 1=1 --" }),
  'a kid that is a property of objects': () => headed({ kid: '__proto__' }),
  'a huge kid': () => headed({ kid: 'k'.repeat(2_000) }),
  'the kid of another key': () =>
    compact(
      { ...head, kid: JSON.parse(Buffer.from(cut(admin)[0], 'base64url').toString()).kid },
      claims(),
      rsa(ours.privateKey),
    ),
  'a foreign key under our kid': () => compact(head, claims(), rsa(foreign.privateKey)),
  'an embedded jwk': () =>
    compact({ ...head, jwk: foreign.publicKey.export({ format: 'jwk' }) }, claims(), rsa(foreign.privateKey)),
  'our own key embedded': () => headed({ jwk }),
  'a jku': () => headed({ jku: 'https://example.org/jwks.json' }),
  'an x5u': () => headed({ x5u: 'https://example.org/cert.pem' }),
  'an x5c': () => headed({ x5c: [der.toString('base64')] }),
  'crit of what is not there': () => headed({ crit: ['exp'] }),
  'crit of an unknown extension': () => headed({ crit: ['urn:x'], 'urn:x': true }),
  'an empty crit': () => headed({ crit: [] }),
  'b64 false': () => headed({ crit: ['b64'], b64: false }),
  'a compressed payload': () => headed({ zip: 'DEF' }),
  'a nested token': () => headed({ cty: 'JWT' }),
  'no typ': () => headed({ typ: undefined }),
  'the typ of a receipt': () => headed({ typ: 'erasure-receipt+jws' }),
  'the typ of an access token elsewhere': () => headed({ typ: 'at+jwt' }),
  'a header with a member twice': () =>
    compact(JSON.stringify(head).replace('{', '{"alg":"none",'), claims(), rsa(ours.privateKey)),
  'a header with white space': () => compact(JSON.stringify(head, null, 1), claims(), rsa(ours.privateKey)),
  'a header that is a list': () => compact([head], claims(), rsa(ours.privateKey)),
  'a header that is no JSON': () => compact('{', claims(), rsa(ours.privateKey)),
  'a claim twice': () =>
    compact(
      head,
      JSON.stringify(claims({ role: 'ANALYST' })).replace('{', '{"role":"ADMIN",'),
      rsa(ours.privateKey),
    ),
  'claims that are a list': () => compact(head, [claims()], rsa(ours.privateKey)),
  'claims that are a text': () => compact(head, '"admin"', rsa(ours.privateKey)),
  'no claims': () => compact(head, '', rsa(ours.privateKey)),
  'another issuer': () => good({ iss: 'elsewhere' }),
  'issuers, ours among them': () => good({ iss: [tokenIssuer] }),
  'no issuer': () => good({ iss: undefined }),
  'another audience': () => good({ aud: 'elsewhere' }),
  'no audience': () => good({ aud: undefined }),
  'no expiry': () => good({ exp: undefined }),
  'an expiry that is a text': () => good({ exp: String(now() + 60) }),
  'not yet valid': () => good({ nbf: now() + 60 }),
  'a start that is a text': () => good({ nbf: 'now' }),
  'no role': () => good({ role: undefined }),
  'an unknown role': () => good({ role: 'ROOT' }),
  'another payload under the signature': () => {
    const [header, , signature] = cut(good())
    return `${header}.${part(claims({ sub: randomUUID() }))}.${signature}`
  },
  'a truncated signature': () => withSignature((signature) => signature.subarray(0, -1)),
  'a signature that is too long': () =>
    withSignature((signature) => Buffer.concat([signature, Buffer.alloc(1)])),
  'a signature with a zero before it': () =>
    withSignature((signature) => Buffer.concat([Buffer.alloc(1), signature])),
  'a signature of zeros': () => withSignature((signature) => Buffer.alloc(signature.length)),
  'a signature of the largest number': () =>
    withSignature((signature) => Buffer.alloc(signature.length, 255)),
  'no signature': () => good().replace(/[^.]+$/, ''),
  'two parts': () => good().replace(/\.[^.]+$/, ''),
  'four parts': () => `${good()}.${part({})}`,
  'five parts, as if encrypted': () => `${good()}.a.b`,
  'its first bit flipped': () => flipped(0),
  'its last bit flipped': () => flipped(255),
  'other spare bits at its end': () => withSpareBits(good()),
  'padding at its end': () => `${good()}==`,
  'letters of plain base64': () => `${part(head)}.${part(claims())}.${'+/'.repeat(171)}`,
  'garbage at its end': () => `${good()}~~~`,
  'JSON serialisation': () => {
    const [header, payload, signature] = cut(good())
    return JSON.stringify({ protected: header, payload, signature })
  },
  'huge but signed': () => good({ padding: 'x'.repeat(5_000) }),
  'nothing but dots': () => '..',
}

test.each(Object.keys(forged))('a forged token is refused on every port: %s', async (name) => {
  expect(await answers(forged[name]?.() ?? '')).toEqual(refused('TOKEN_INVALID'))
})

test('a blocked store and a revoked key are refused at once on every port, including tokens issued before', async () => {
  const graphql = async (query: string) =>
    (await call(stack.urls.gateway, 'POST', '/graphql', { token: admin, body: { query } })).body.data
  const shop = async () =>
    (await graphql('mutation { createStore(input: { name: "S" }) { store { id } secret } }')).createStore
  const statuses = async (token: string) =>
    Promise.all(
      [
        [stack.urls.gateway, '/api/user/a@b.c'],
        [stack.urls.gateway, '/api/user/x/export'],
        [stack.urls.gateway, '/api/event/amount/view'],
        [stack.urls.users, '/api/user/a@b.c'],
        [stack.urls.events, '/api/event/amount/view'],
      ].map(async ([origin = '', path = '']) => (await call(origin, 'GET', path, { token })).status),
    )
  const working = [404, 404, 200, 404, 200]
  /** Status and code, or "shown", of each introspection document, on each port. */
  const schemas = async (token: string): Promise<unknown[]> => {
    const { gateway, users, events } = stack.urls
    const everywhere = [
      '{ __schema { queryType { name } } }',
      '{ __type(name: "Query") { name } }',
      '{ __typename __schema { queryType { name } } }',
      '{ topEventTypes { type } __schema { queryType { name } } }',
      'query A { __typename ...B } fragment B on Query { __type(name: "Event") { name } }',
    ]
    const documents = [
      ...[gateway, users, events].flatMap((origin) => everywhere.map((query) => [origin, query] as const)),
      ...[users, events].map((origin) => [origin, '{ __typename _service { sdl } }'] as const),
    ].filter(([origin, query]) => origin !== users || !query.includes('topEventTypes'))
    const answers = documents.map(async ([origin, query]) => {
      const { status, body } = await call(origin, 'POST', '/graphql', { token, body: { query } })
      return `${String(status)} ${String(body.errors?.[0].extensions.code ?? 'shown')}`
    })
    return [...new Set(await Promise.all(answers))]
  }

  const blocked = await shop()
  const before = await authenticate(stack.urls.gateway, blocked.secret)
  expect(await statuses(before)).toEqual(working)
  await graphql(`mutation { blockStore(input: { id: ${String(blocked.store.id)} }) { store { id } } }`)
  expect(await statuses(before)).toEqual([403, 403, 403, 403, 403])
  expect(await schemas(before)).toEqual(['403 STORE_BLOCKED'])

  const { store, secret } = await shop()
  const token = await authenticate(stack.urls.gateway, secret)
  expect(await statuses(token)).toEqual(working)
  expect(await schemas(token)).toEqual(['200 shown'])
  const { apiKeys } = await graphql(`{ apiKeys(storeId: ${String(store.id)}) { nodes { id } } }`)
  await graphql(
    `mutation { revokeApiKey(input: { id: "${String(apiKeys.nodes[0].id)}" }) { apiKey { id } } }`,
  )
  expect(await statuses(token)).toEqual([401, 401, 401, 401, 401])
  expect(await schemas(token)).toEqual(['401 KEY_REVOKED'])
})
