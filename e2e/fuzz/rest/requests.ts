import fc from 'fast-check'
import { authorization, extraHeaders, type ShowToken } from '../arbitraries/headers.ts'
import { fitting, type Schema } from '../arbitraries/json-schema.ts'
import { present, rarely, sometimes } from '../arbitraries/frequency.ts'
import { payloadOf, type Payload } from '../arbitraries/payload.ts'
import type { Header } from '../exchange.ts'
import type { Raw } from '../raw-json.ts'
import { roles, type Role } from '../world.ts'
import type { Operation, Parameter } from './operations.ts'

/** A piece of a URL: to be encoded, or as it is. */
export type Piece = { readonly value: Raw } | { readonly broken: string }

export interface RestRequest {
  readonly role: Role
  readonly method: string
  /** By the name of the parameter. */
  readonly path: Readonly<Record<string, Piece>>
  readonly slash: boolean
  readonly query: readonly (readonly [string, Piece])[]
  readonly headers: readonly (readonly [string, Raw])[]
  readonly extra: readonly Header[]
  readonly authorization: ShowToken | undefined
  readonly payload: Payload | undefined
}

const broken = fc
  .constantFrom(
    ...['%', '%2', '%zz', '%ff', '%00', '%c0%af', '%ed%a0%80', '%e2%82', '%25', '%2f', '%u0041', '%3f%23'],
    ...['..%2f..', '..', '.', '', '//', ';a=1', 'a%20b+c', '\u00e9', '*', '@', ':', 'a'.repeat(2_000)],
  )
  .map((text): Piece => ({ broken: text }))

const piece = (schema: Schema, name: string): fc.Arbitrary<Piece> =>
  fc.oneof(
    { weight: 9, arbitrary: fitting(schema, name).map((value): Piece => ({ value })) },
    { weight: 1, arbitrary: broken },
  )

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']
const oddNames = ['limit', '__proto__', 'constructor', 'a[]', 'a[b]', '', '%']

export const anyRole = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Role>('store') },
  { weight: 4, arbitrary: fc.constant<Role>('admin') },
  { weight: 2, arbitrary: fc.constantFrom(...roles) },
)

/** Requests for an operation: most of them nearly right. */
export function requestsFor({ method, parameters, bodies }: Operation): fc.Arbitrary<RestRequest> {
  const at = (place: Parameter['in']) => parameters.filter((parameter) => parameter.in === place)
  const pieces = at('path').map(({ name, schema }) => [name, piece(schema, name)] as const)
  const query = at('query').map(({ name, schema }) =>
    sometimes(piece(schema, name).map((value) => [name, value] as const)),
  )
  const odd = rarely(fc.tuple(fc.constantFrom(...oddNames), broken))
  const headers = at('header').map(({ name, schema }) =>
    sometimes(fitting(schema, name).map((value) => [name, value] as const)),
  )
  return fc.record({
    role: anyRole,
    method: rarely(fc.constantFrom(...methods)).map((other) => other ?? method),
    path: fc.record(Object.fromEntries(pieces)),
    slash: fc.boolean(),
    query: present([...query, odd]),
    headers: present(headers),
    extra: extraHeaders,
    authorization: rarely(authorization),
    payload: payloadOf(bodies),
  })
}
