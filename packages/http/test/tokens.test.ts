import { expect, test } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { createTokenVerifier, tokenAudience, tokenIssuer, type KeySource } from '@user-stats/core'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { createTestClock, refusalOf } from '../src/testing.ts'

const issuer = createTestIssuer()
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { clock: fixed } = createTestClock()
const now = Math.floor(fixed() / 1_000)

const claims = {
  sub: 'key-1',
  role: 'STORE',
  store_id: 7,
  iss: tokenIssuer,
  aud: tokenAudience,
  iat: now,
  exp: now + 60,
}
const header = { alg: 'RS256', typ: 'JWT', kid: issuer.kid }

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const sign = (changes: object = {}, options: jwt.SignOptions = {}, key = issuer.privateKey) =>
  jwt.sign({ ...claims, ...changes }, key, { algorithm: 'RS256', keyid: issuer.kid, ...options })

/** Signs any text as payload, so that it may contain what no library would write. */
function signText(payload: string, head: object = header): string {
  const [signedHeader, , signature] = jwt
    .sign(payload, issuer.privateKey, { algorithm: 'RS256', header: { ...header, ...head } })
    .split('.')
  return [signedHeader, encode(payload), signature].join('.')
}

const without = (name: keyof typeof claims) =>
  signText(JSON.stringify(Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name))))

const [head = '', body = '', signature = ''] = sign().split('.')
const publicPem = issuer.publicKey.export({ type: 'spki', format: 'pem' }) as string
const hmac = (secret: string, algorithm: jwt.Algorithm) =>
  jwt.sign(claims, secret, { algorithm, keyid: issuer.kid })

const forged: Record<string, string> = {
  'unsigned, alg none': `${encode({ ...header, alg: 'none' })}.${body}.`,
  'alg none with the signature of a good token': `${encode({ ...header, alg: 'none' })}.${body}.${signature}`,
  'alg none in other case': `${encode({ ...header, alg: 'nOnE' })}.${body}.`,
  'HMAC with the public key as its secret': hmac(publicPem, 'HS256'),
  'HMAC under the name of RS256': `${encode(header)}.${hmac(publicPem, 'HS256').split('.').slice(1).join('.')}`,
  'another algorithm of the same key': sign({}, { algorithm: 'RS512' }),
  'PSS in place of PKCS 1': sign({}, { algorithm: 'PS256' }),
  'an unknown kid': sign({}, { keyid: 'another' }),
  'no kid': signText(JSON.stringify(claims), { kid: undefined }),
  'a kid that is not a string': signText(JSON.stringify(claims), { kid: 7 }),
  'a kid of a thousand characters': sign({}, { keyid: 'k'.repeat(1_000) }),
  'a kid that is a path': sign({}, { keyid: '../../etc/passwd' }),
  'signed by a foreign key under our kid': sign({}, {}, foreign.privateKey),
  'a key of its own in the header': jwt.sign(claims, foreign.privateKey, {
    algorithm: 'RS256',
    header: { ...header, jwk: foreign.publicKey.export({ format: 'jwk' }) } as jwt.JwtHeader,
  }),
  'another issuer': sign({ iss: 'user-statistics/elsewhere' }),
  'another audience': sign({ aud: 'elsewhere' }),
  'no issuer': without('iss'),
  'no audience': without('aud'),
  'no expiry': without('exp'),
  'no subject': without('sub'),
  'no role': without('role'),
  'an unknown role': sign({ role: 'ROOT' }),
  'a store without a store': sign({ store_id: undefined }),
  'a store id that is a string': sign({ store_id: '7' }),
  'a store id of zero': sign({ store_id: 0 }),
  'a fractional store id': sign({ store_id: 7.5 }),
  'an admin with a store': sign({ role: 'ADMIN' }),
  'an empty subject': sign({ sub: '' }),
  'an expiry that is a string': signText(JSON.stringify({ ...claims, exp: String(now + 60) })),
  'not valid yet': sign({ nbf: now + 60 }),
  'a changed payload': `${head}.${encode({ ...claims, store_id: 8 })}.${signature}`,
  'a changed header': `${encode({ ...header, cty: 'x' })}.${body}.${signature}`,
  'its signature cut': `${head}.${body}.${signature.slice(0, -4)}`,
  'its signature missing': `${head}.${body}.`,
  'its signature left out': `${head}.${body}`,
  'a part too many': `${head}.${body}.${signature}.${signature}`,
  'nothing but dots': '..',
  'a payload that is not an object': signText('"admin"'),
  'a payload that is not JSON': signText('{'),
  'duplicate claims, the last of them wrong': signText(
    JSON.stringify(claims).replace('"STORE"', '"STORE","role":"ROOT"'),
  ),
  'duplicate claims, both valid': signText(
    JSON.stringify(claims).replace('"store_id":7', '"store_id":7,"store_id":8'),
  ),
  'white space in its payload': signText(JSON.stringify(claims, undefined, 1)),
  'an unnecessary escape': signText(JSON.stringify(claims).replace('STORE', '\\u0053TORE')),
  'no type': signText(JSON.stringify(claims), { typ: undefined }),
  'the type of an erasure receipt': signText(JSON.stringify(claims), { typ: 'erasure-receipt+jws' }),
  'its type in other case': signText(JSON.stringify(claims), { typ: 'jwt' }),
  'an extension to be understood': signText(JSON.stringify(claims), { crit: ['exp'], exp: now + 60 }),
  'a header member we do not write': signText(JSON.stringify(claims), { x5t: 'abc' }),
  'ten thousand letters': sign({ padding: 'x'.repeat(10_000) }),
  'a megabyte of letters': 'a'.repeat(1_000_000),
}

const createVerifier = (options: Partial<Parameters<typeof createTokenVerifier>[0]> = {}) =>
  createTokenVerifier({ keys: issuer.keys, clock: fixed, ...options })

test('a valid token identifies its bearer', async () => {
  const { identify } = createVerifier()
  const who = (changes: object) => identify(`Bearer ${sign({ store_id: undefined, ...changes })}`)
  expect(await who({ store_id: 7 })).toEqual({ role: 'STORE', keyId: 'key-1', storeId: 7 })
  expect(await who({ role: 'ANALYST', store_id: 7 })).toEqual({ role: 'ANALYST', keyId: 'key-1', storeId: 7 })
  expect(await who({ role: 'ANALYST' })).toEqual({ role: 'ANALYST', keyId: 'key-1', storeId: undefined })
  expect(await who({ role: 'ADMIN' })).toEqual({ role: 'ADMIN', keyId: 'key-1' })
  expect(await who({ role: 'SERVICE', sub: 'gateway' })).toEqual({ role: 'SERVICE', service: 'gateway' })
})

test.each(Object.entries(forged))('a forged token is refused: %s', async (_name, token) => {
  const { verify } = createVerifier()
  expect(await refusalOf(() => verify(token))).toMatchObject({ code: 'TOKEN_INVALID' })
  // Try again: a refusal must not be cached as a success.
  expect(await refusalOf(() => verify(token))).toMatchObject({ code: 'TOKEN_INVALID' })
})

test('an expired token has an error code of its own, unless it is also forged', async () => {
  const { verify } = createVerifier()
  expect(await refusalOf(() => verify(sign({ exp: now - 60 })))).toMatchObject({ code: 'TOKEN_EXPIRED' })
  expect(await refusalOf(() => verify(sign({ exp: now - 60 }, {}, foreign.privateKey)))).toMatchObject({
    code: 'TOKEN_INVALID',
  })
})

test('clocks may differ by five seconds', async () => {
  const { verify } = createVerifier()
  expect(await verify(sign({ exp: now - 4 }))).toMatchObject({ role: 'STORE' })
  expect(await verify(sign({ nbf: now + 5 }))).toMatchObject({ role: 'STORE' })
  expect(await refusalOf(() => verify(sign({ exp: now - 5 })))).toMatchObject({ code: 'TOKEN_EXPIRED' })
})

test('a token expires exactly with its API key: the clock tolerance applies to its own times only', async () => {
  const { clock, advance } = createTestClock()
  const { verify } = createVerifier({ clock })
  const token = sign({ exp: now + 10, key_exp: now + 7.25 })
  advance(7_249)
  expect(await verify(token)).toMatchObject({ role: 'STORE' })
  advance(1)
  expect(await refusalOf(() => verify(token))).toMatchObject({ code: 'TOKEN_EXPIRED' })
  // Also for a token that is not cached, and one whose own expiry is later.
  expect(await refusalOf(() => createVerifier({ clock }).verify(token))).toMatchObject({
    code: 'TOKEN_EXPIRED',
  })
  expect(await refusalOf(() => verify(sign({ key_exp: now })))).toMatchObject({ code: 'TOKEN_EXPIRED' })
  expect(await refusalOf(() => verify(sign({ key_exp: String(now + 60) })))).toMatchObject({
    code: 'TOKEN_INVALID',
  })
})

test.each([
  '',
  'Bearer',
  'Bearer ',
  'Basic dXNlcjpwYXNz',
  'Bearer a b',
  'Bearer é',
  `Token ${sign()}`,
  sign(),
])('an Authorization header without a bearer token is refused, not ignored: %j', async (authorization) => {
  const { identify } = createVerifier()
  expect(await refusalOf(() => identify(authorization))).toMatchObject({ code: 'TOKEN_INVALID' })
})

test.each([
  `Bearer us_s_${'k'.repeat(43)}`,
  `us_a_${'k'.repeat(43)}`,
  'Bearer a key somebody chose',
  'Bearer chosen',
])('an API key in place of a token is refused with instructions: %s', async (authorization) => {
  const { identify } = createVerifier()
  const { code, message } = await refusalOf(() => identify(authorization))
  expect(code).toBe('TOKEN_INVALID')
  expect(message).toMatch(/POST \/api\/auth .* or the mutation authenticate/)
  expect(message).not.toContain('kkk')
})

test('a request without the header is anonymous, and the scheme is case-insensitive', async () => {
  const { identify } = createVerifier()
  expect(await identify(undefined)).toEqual({ role: 'ANONYMOUS' })
  expect(await identify(`bearer  ${sign()} `)).toMatchObject({ role: 'STORE' })
})

/** Keys that count their look-ups. */
function countingKeys() {
  let lookups = 0
  const keys: KeySource = {
    find: (kid) => {
      lookups += 1
      return issuer.keys.find(kid)
    },
  }
  return { keys, lookups: () => lookups }
}

test('a verified token is cached until it expires, and no longer', async () => {
  const { clock, advance } = createTestClock()
  const { keys, lookups } = countingKeys()
  const { verify } = createVerifier({ keys, clock })
  const token = sign()
  await verify(token)
  await verify(token)
  advance(60_000)
  expect(await verify(token)).toMatchObject({ role: 'STORE' })
  expect(lookups()).toBe(1)
  advance(5_000)
  expect(await refusalOf(() => verify(token))).toMatchObject({ code: 'TOKEN_EXPIRED' })
  expect(lookups()).toBe(2)
})

test('the cache of tokens is bounded, and keeps the most recently used', async () => {
  const { keys, lookups } = countingKeys()
  const { verify } = createVerifier({ keys, cacheSize: 2 })
  const [first, second, third] = [sign({ jti: '1' }), sign({ jti: '2' }), sign({ jti: '3' })]
  await verify(first)
  await verify(second)
  await verify(first)
  await verify(third)
  expect(lookups()).toBe(3)
  await verify(first)
  expect(lookups()).toBe(3)
  await verify(second)
  expect(lookups()).toBe(4)
})
