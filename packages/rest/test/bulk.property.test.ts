import { Readable } from 'node:stream'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  elementsOf,
  elementsOrLinesOf,
  linesOf,
  recordsOf,
  withoutMark,
  type Element,
} from '../src/bulk/elements.ts'
import { eventBulk } from '../src/bulk/events.ts'
import { createItems, type BulkItem, type Rejection } from '../src/bulk/item.ts'
import { DomainError } from '@user-stats/core'

const { read: readItem } = createItems(eventBulk)

type Split = (stream: AsyncIterable<Buffer>) => AsyncIterable<Element>
interface Outcome {
  /** The result of each element, with its number. */
  readonly items: readonly (BulkItem | Rejection)[]
  /** The error of the stream as a whole, if any. */
  readonly refusal?: string
}

/** The result of `POST /api/events` for a body that arrives in these chunks. */
async function read(split: Split, pieces: readonly Buffer[]): Promise<Outcome> {
  const items: (BulkItem | Rejection)[] = []
  try {
    for await (const element of split(Readable.from(pieces))) items.push(readItem(element))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { items, refusal: error.message }
  }
  return { items }
}

function cut(body: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (body.length + 1)).sort((a, b) => a - b), body.length]
  return ends.map((end, at) => body.subarray(ends[at - 1] ?? 0, end))
}
const bytesOf = (body: Buffer): Buffer[] => [...body].map((byte) => Buffer.from([byte]))

async function expectSame(split: Split, body: Buffer, places: readonly number[]): Promise<Outcome> {
  const whole = await read(split, [body])
  expect(await read(split, cut(body, places))).toEqual(whole)
  expect(await read(split, bytesOf(body))).toEqual(whole)
  return whole
}

const words = [
  'é',
  '😀',
  '\u2028',
  '"',
  '\\',
  '\\"',
  '[',
  ']',
  '{',
  '}',
  ',',
  '\r',
  '\n',
  '\t',
  '\0',
  'a b',
  '',
]
const text = fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((parts) => parts.join(''))
/** JSON with or without escaped non-ASCII characters. */
const written = fc.boolean().map((escaped) => (value: unknown): string => {
  const json = JSON.stringify(value)
  return escaped
    ? json.replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json
})
const event = fc.record(
  { type: text, user_id: text, data: fc.dictionary(text, fc.oneof(text, fc.integer(), fc.array(text))) },
  { requiredKeys: ['user_id'] },
)
const json = fc
  .tuple(written, fc.oneof({ weight: 4, arbitrary: event }, { weight: 1, arbitrary: fc.jsonValue() }))
  .map(([write, value]) => Buffer.from(write(value)))
const broken = fc.oneof(
  json.map((whole) => whole.subarray(0, Math.max(1, whole.length - 1))),
  fc
    .uint8Array({ minLength: 1, maxLength: 8 })
    .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a))),
)
const blank = fc.constantFrom('', ' ', '\t', ' \r', '\r').map((space) => Buffer.from(space))
const places = fc.array(fc.nat(), { maxLength: 12 })
const runs = { numRuns: 400 }

const line = fc.oneof(
  { weight: 6, arbitrary: json },
  { weight: 2, arbitrary: broken },
  { weight: 2, arbitrary: blank },
)
const ndjson = fc
  .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n'))), fc.boolean())
  .map(([lines, ended]) => {
    const body = Buffer.concat(lines.flatMap(([content, end]) => [content, Buffer.from(end)]))
    return ended ? body : body.subarray(0, Math.max(0, body.length - 1))
  })

test('NDJSON split into any chunks has the same lines, accepted or rejected under the same numbers', async () => {
  await fc.assert(
    fc.asyncProperty(ndjson, places, async (body, cuts) => {
      const { items, refusal } = await expectSame(linesOf, body, cuts)
      expect(refusal).toBeUndefined()
      // Each non-blank line, numbered as in an editor.
      const lines = body.toString('latin1').split('\n')
      const numbers = lines.flatMap((content, at) => (/[^ \t\r]/.test(content) ? [at + 1] : []))
      expect(items.map((item) => item.line)).toEqual(numbers)
      expect(items).toEqual(
        numbers.map((number) =>
          readItem({ line: number, text: Buffer.from(lines[number - 1] ?? '', 'latin1') }),
        ),
      )
    }),
    runs,
  )
})

const space = fc.constantFrom('', ' ', '\n', '\r\n', '\t ')
const array = fc
  .tuple(fc.array(fc.tuple(space, json, space), { maxLength: 6 }), space, space)
  .map(([elements, before, after]) => {
    const inside = elements.map(([left, element, right]) =>
      Buffer.concat([Buffer.from(left), element, Buffer.from(right)]),
    )
    const joined = inside.flatMap((element, at) => (at === 0 ? [element] : [Buffer.from(','), element]))
    return Buffer.concat([
      Buffer.from(`${before}[${inside.length === 0 ? after : ''}`),
      ...joined,
      Buffer.from(`]${after}`),
    ])
  })

test('a JSON array split into any chunks has the same elements, accepted or rejected under the same numbers', async () => {
  await fc.assert(
    fc.asyncProperty(array, places, async (body, cuts) => {
      const { items, refusal } = await expectSame(elementsOf, body, cuts)
      expect(refusal).toBeUndefined()
      const elements = JSON.parse(body.toString()) as unknown[]
      expect(items).toEqual(
        elements.map((element, at) => readItem({ line: at + 1, text: Buffer.from(JSON.stringify(element)) })),
      )
    }),
    runs,
  )
})

test('a malformed array is refused after the same element, for any chunks', async () => {
  const spoilt = fc
    .tuple(array, fc.nat(), fc.constantFrom('', '[', ']', '{', '}', ',', '"', '\\', 'x', ' '))
    .map(([body, place, by]) => {
      const at = place % body.length
      return Buffer.concat([body.subarray(0, at), Buffer.from(by), body.subarray(at + 1)])
    })
  await fc.assert(
    fc.asyncProperty(spoilt, places, async (body, cuts) => {
      await expectSame(elementsOf, body, cuts)
    }),
    { ...runs, examples: [[Buffer.from('[{"a":1}}[],1]'), []]] },
  )
})

const mark = Buffer.from('\ufeff')
const behindMark =
  (split: Split): Split =>
  (stream) =>
    split(withoutMark(stream))

test('a byte-order mark, in any chunks, and the media type text/plain make no difference', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(ndjson, array), places, async (body, cuts) => {
      const split = /^\s*\[/.test(body.toString('latin1')) ? elementsOf : linesOf
      const expected = await read(split, [body])
      for (const also of [split, elementsOrLinesOf])
        expect(await expectSame(behindMark(also), Buffer.concat([mark, body]), cuts)).toEqual(expected)
    }),
    runs,
  )
})

test('a JSON text sequence split into any chunks has the same records, under the same numbers', async () => {
  const sequence = fc.array(fc.oneof(json, broken, blank), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(sequence, places, async (records, cuts) => {
      const texts = records.map((record) => record.filter((byte) => byte !== 0x1e))
      const body = Buffer.concat(texts.flatMap((text) => [Buffer.from([0x1e]), text]))
      const { items, refusal } = await expectSame(recordsOf, body, cuts)
      expect(refusal).toBeUndefined()
      expect(items).toEqual(
        texts.flatMap((text, at) =>
          /^[ \t\r\n]*$/.test(Buffer.from(text).toString('latin1'))
            ? []
            : [readItem({ line: at + 1, text: Buffer.from(text) })],
        ),
      )
    }),
    runs,
  )
})

test('splitting a body with characters of four bytes, escapes, blank lines and CRLF at any byte makes no difference', async () => {
  const good = '{"type":"é😀","user_id":"\\u00e9\\ud83d\\ude00\\\\\\"","data":{"a":["[{,}]"]}}'
  const lines = Buffer.from(`\r\n${good}\r\n\n  \n{"type":\n[]\n${good}`)
  const elements = Buffer.from(` [ ${good} ,\r\n{},[[]],"]",${good}] \n`)
  for (const [split, body, numbers] of [
    [linesOf, lines, [2, 5, 6, 7]],
    [elementsOf, elements, [1, 2, 3, 4, 5]],
  ] as const)
    for (let at = 0; at <= body.length; at += 1) {
      const { items } = await expectSame(split, body, [at])
      expect(items.map((item) => item.line)).toEqual(numbers)
    }
})
