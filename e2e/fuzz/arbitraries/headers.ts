import fc from 'fast-check'
import type { Header } from '../exchange.ts'

export type ShowToken = (token: string) => string | undefined

/** Unusual ways for a caller to send its token. */
export const authorization = fc.constantFrom<ShowToken[]>(
  // Named, so that counterexamples are readable.
  function lowerCase(token) {
    return `bearer ${token}`
  },
  function manySpaces(token) {
    return `Bearer    ${token}  `
  },
  function none() {
    return undefined
  },
  function empty() {
    return ''
  },
  function schemeOnly() {
    return 'Bearer '
  },
  function basic(token) {
    return `Basic ${Buffer.from(`:${token}`).toString('base64')}`
  },
  function bare(token) {
    return token
  },
  function cut(token) {
    return `Bearer ${token.slice(0, -5)}`
  },
  function withoutSignature(token) {
    return `Bearer ${token.slice(0, token.lastIndexOf('.') + 1)}`
  },
  function unsigned(token) {
    const head = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
    return `Bearer ${head}.${token.split('.')[1] ?? ''}.`
  },
  function brokenHead(token) {
    return `Bearer ${Buffer.from('{"alg":').toString('base64url')}.${token.split('.').slice(1).join('.')}`
  },
  function twice(token) {
    return `Bearer ${token}, Bearer ${token}`
  },
  function latin1(token) {
    return `Bearer ${token}\u00e9\u00ff`
  },
  function huge() {
    return `Bearer ${'a'.repeat(6_000)}`
  },
)

const accepts = [
  '*/*',
  'application/json',
  'application/graphql-response+json',
  'application/graphql-response+json,application/json;q=0.9',
  'text/html',
  'text/plain;q=0',
  'application/xml',
  '',
  ';;,,q=',
  '*',
]

const others: readonly Header[] = [
  ['x-request-id', 'fuzz-1'],
  ['x-request-id', '../../\u00ff'],
  ['x-request-id', 'x'.repeat(200)],
  ['origin', 'null'],
  ['origin', 'https://elsewhere.example'],
  ['cookie', '__proto__=1; a=%00'],
  ['x-http-method-override', 'DELETE'],
  ['x-forwarded-for', '::1, unknown'],
  ['x-forwarded-host', 'elsewhere.example'],
  ['if-none-match', '*'],
  ['range', 'bytes=0-1'],
  ['accept-encoding', 'gzip;q=1, br, *;q=0'],
  ['accept-language', '\u00e9'],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity'],
  ['upgrade', 'h2c'],
  ['traceparent', '00-0-0-0'],
  ['apollo-require-preflight', ''],
  ['__proto__', 'a'],
  ['constructor', 'a'],
  ['x-many', 'y'.repeat(7_000)],
]

/** Headers that a request may have or not. */
export const extraHeaders: fc.Arbitrary<Header[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Header[]>([]) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...accepts).map((value): Header[] => [['accept', value]]),
  },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...others), { minLength: 1, maxLength: 3 }) },
)

/** Content types that are wrong, or right in an unusual spelling. */
export const oddContentType = fc.constantFrom(
  'application/json; charset=utf-16',
  'application/json;charset=utf8',
  'APPLICATION/JSON',
  'application/json;',
  'application/json, text/plain',
  'application/problem+json',
  'application/jsonx',
  'application/x-ndjson',
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=latin1',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'text/plain',
  'text/json',
  'application/xml',
  'application/graphql',
  'application',
  '/',
  ';',
  '',
  'application/json\u00ff',
)
