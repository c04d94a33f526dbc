import fc from 'fast-check'
import { writeJson, writeText, type Raw, type Refs } from '../raw-json.ts'
import { oddContentType } from './headers.ts'
import { fitting, type Schema } from './json-schema.ts'
import { damage, damaged, edgeText, type Damage } from './json-texts.ts'
import { rarely } from './frequency.ts'

/** A request body and its content type. */
export interface Payload {
  readonly type: string
  readonly content: Content
  readonly damage: Damage | undefined
}
type Content =
  | { readonly kind: 'json' | 'form' | 'lines'; readonly value: Raw }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

const bytes = edgeText.map((text): Content => ({ kind: 'bytes', bytes: text }))

/** What a content type holds. */
function contentOf(type: string, schema: Schema): fc.Arbitrary<Content> {
  switch (type) {
    case 'application/x-www-form-urlencoded':
      return fitting(schema).map((value): Content => ({ kind: 'form', value }))
    case 'application/x-ndjson':
      return fitting({ type: 'array', items: schema }).map((value): Content => ({ kind: 'lines', value }))
    default:
      return fitting(schema).map((value): Content => ({ kind: 'json', value }))
  }
}

/** Bodies for an operation that takes these, or none. */
export function payloadOf(
  bodies: readonly (readonly [type: string, schema: Schema])[],
): fc.Arbitrary<Payload | undefined> {
  if (bodies.length === 0)
    return rarely(fc.record({ type: oddContentType, content: bytes, damage: fc.constant(undefined) }))
  const right = bodies.map(([type, schema]) =>
    fc.record({
      type: rarely(oddContentType, 20).map((odd) => odd ?? type),
      content: fc.oneof({ weight: 9, arbitrary: contentOf(type, schema) }, { weight: 1, arbitrary: bytes }),
      damage: rarely(damage, 12),
    }),
  )
  return fc.oneof(
    { weight: 25, arbitrary: fc.oneof(...right) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
}

function writeForm(raw: Raw, refs: Refs): string {
  if (!('members' in raw)) return writeText(raw, refs)
  return raw.members.map(([name, value]) => `${encode(name)}=${encode(writeText(value, refs))}`).join('&')
}

/**
 * Encodes for a URL; halves of surrogate pairs, which have no encoding, as the three bytes they would have.
 */
export const encode = (text: string): string =>
  text.isWellFormed()
    ? encodeURIComponent(text)
    : Array.from(text, (character) =>
        character.isWellFormed() ? encodeURIComponent(character) : '%ed%a0%80',
      ).join('')

/** The bytes of a body. */
export function writePayload({ content, damage: how }: Payload, refs: Refs): Uint8Array {
  const body = write(content, refs)
  return how === undefined ? body : damaged(body, how)
}

function write(content: Content, refs: Refs): Uint8Array {
  if (content.kind === 'bytes') return content.bytes
  const { kind, value } = content
  if (kind === 'form') return Buffer.from(writeForm(value, refs))
  if (kind === 'lines' && 'items' in value)
    return Buffer.from(value.items.map((item) => writeJson(item, refs)).join('\n'))
  return Buffer.from(writeJson(value, refs))
}
