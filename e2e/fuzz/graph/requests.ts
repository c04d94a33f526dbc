import fc from 'fast-check'
import { authorization, extraHeaders, oddContentType, type ShowToken } from '../arbitraries/headers.ts'
import { damage, damaged, edgeText, type Damage } from '../arbitraries/json-texts.ts'
import { rarely } from '../arbitraries/frequency.ts'
import { encode } from '../arbitraries/payload.ts'
import type { Header, Outgoing } from '../exchange.ts'
import type { Refs } from '../raw-json.ts'
import { anyRole } from '../rest/requests.ts'
import { identify } from '../rest/write.ts'
import type { Role } from '../world.ts'
import type { Operation } from './operations.ts'
import { writeOperation } from './write.ts'

export interface GraphRequest {
  readonly role: Role
  readonly operation: Operation
  readonly how: How
  readonly extra: readonly Header[]
  readonly authorization: ShowToken | undefined
}

/** How an operation is sent; by default, as ordinary clients do. */
interface How {
  readonly get?: boolean | undefined
  readonly documentDamage?: Damage | undefined
  readonly bodyDamage?: Damage | undefined
  /** Other members of the body, as a JSON text that begins with a comma. */
  readonly members?: string | undefined
  readonly around?: readonly [string, string] | undefined
  readonly body?: Uint8Array | undefined
  readonly contentType?: string | undefined
}

const odd: fc.Arbitrary<How> = fc.oneof(
  fc.constant({ get: true }),
  damage.map((how) => ({ documentDamage: how })),
  damage.map((how) => ({ bodyDamage: how })),
  edgeText.map((body) => ({ body })),
  oddContentType.map((contentType) => ({ contentType })),
  fc
    .constantFrom<[string, string][]>(['[', ']'], ['', '\n{}'], ['[[', ']]'], ['{"a":', '}'], ['\ufeff', ''])
    .map((around) => ({ around })),
  fc
    .constantFrom(
      ',"operationName":"Other"',
      ',"operationName":5',
      ',"operationName":""',
      ',"variables":[]',
      ',"variables":"{}"',
      ',"variables":null',
      ',"query":7',
      ',"query":null',
      ',"query":"{ __typename }"',
      ',"query":"subscription { a }"',
      ',"query":"query A { __typename } query B { __typename }"',
      ',"query":"{ ...A } fragment A on Query { ...A }"',
      ',"query":"query A($a: Nothing!) { __typename }"',
      `,"query":"${'{a'.repeat(180)}"`,
      `,"query":"{ ${'__typename '.repeat(3_000)}}"`,
      `,"query":"{ ${Array.from({ length: 500 }, (_, n) => `a${String(n)}: __typename`).join(' ')} }"`,
      `,"query":"{ __typename ${'@include(if: true) '.repeat(300)} }"`,
      `,"query":"{ ${Array.from({ length: 40 }, () => '... {').join(' ')} __typename ${'}'.repeat(40)} }"`,
      ',"query":"{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"',
      ',"query":"{ _service { sdl } }"',
      `,"query":"mutation { recordEvent(input: { type: 1, userId: 2, data: { a: ${'['.repeat(60)}${']'.repeat(60)} } }) { duplicate } }"`,
      ',"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}',
      ',"extensions":7',
      ',"__proto__":{"query":"{ __typename }"},"constructor":1',
    )
    .map((members) => ({ members })),
)

/** An operation as it may be sent. */
export const requestsFor = (operation: fc.Arbitrary<Operation>): fc.Arbitrary<GraphRequest> =>
  fc.record({
    role: anyRole,
    operation,
    how: rarely(odd, 8).map((how) => how ?? {}),
    extra: extraHeaders,
    authorization: rarely(authorization),
  })

/** Whether a request holds the operation as it was made. */
export const isWhole = ({
  how: { documentDamage, bodyDamage, members, around, body },
}: GraphRequest): boolean =>
  [documentDamage, bodyDamage, members, around, body].every((part) => part === undefined)

/** Writes a request down as it goes over the wire. */
export function writeRequest(request: GraphRequest, token: string | undefined, refs: Refs): Outgoing {
  const { operation, how } = request
  const { query: whole, variables } = writeOperation(operation, refs)
  const query =
    how.documentDamage === undefined
      ? whole
      : Buffer.from(damaged(Buffer.from(whole), how.documentDamage)).toString()
  const headers = identify(request, token)
  if (how.get === true)
    return { method: 'GET', path: `/graphql?query=${encode(query)}&variables=${encode(variables)}`, headers }
  const [before, after] = how.around ?? ['', '']
  const body = Buffer.from(
    `${before}{"query":${JSON.stringify(query)},"variables":${variables}${how.members ?? ''}}${after}`,
  )
  return {
    method: 'POST',
    path: '/graphql',
    headers: [['content-type', how.contentType ?? 'application/json'], ...headers],
    body: how.body ?? (how.bodyDamage === undefined ? body : damaged(body, how.bodyDamage)),
  }
}
