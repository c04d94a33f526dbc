import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { DomainError, parseJson, parseLargeJson } from '@user-stats/core'

async function refusalOf(body: string, parse: (bytes: Buffer) => unknown = parseLargeJson) {
  try {
    await parse(Buffer.from(body))
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, field: error.field, message: error.message }
    throw error
  }
  throw new Error('Nothing was refused.')
}

const outcomeOf = async (parse: () => unknown): Promise<unknown> => {
  try {
    return { value: await parse() }
  } catch {
    return 'refused'
  }
}

const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'a', '1', '{"', '],', '\\'))
const space = fc.constantFrom('', ' ', '\n', '\t \r')
const { tree: written } = fc.letrec<{ tree: string; list: string; object: string; leaf: string }>((tie) => ({
  tree: fc.oneof({ maxDepth: 5 }, tie('leaf'), tie('list'), tie('object')),
  leaf: fc.oneof(
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'null', '0', '-1.5', '1e5', '""', '"\\"[{,:"', '"é😀"'),
  ),
  list: fc
    .tuple(space, fc.array(tie('tree'), { maxLength: 5 }))
    .map(([blank, items]) => `[${blank}${items.join(`,${blank}`)}${blank}]`),
  object: fc
    .tuple(space, fc.array(fc.tuple(name, tie('tree')), { maxLength: 5 }))
    .map(
      ([blank, members]) =>
        `{${members.map(([key, value]) => `${blank}${JSON.stringify(key)}${blank}:${value}`).join(`${blank},`)}}`,
    ),
}))
/** A text with single characters inserted, removed or replaced. */
const spoilt = fc
  .tuple(
    written,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(1),
        fc.constantFrom('', ...[',', '[', ']', '{', '}', '"', ':', '\\', 'x', ' ', '1']),
      ),
      { maxLength: 2 },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((changed, [place, length, by]) => {
      const at = place % (changed.length + 1)
      return `${changed.slice(0, at)}${by}${changed.slice(at + length)}`
    }, text),
  )

test('JSON parsed in pieces of any size gives the same value or error as JSON parsed at once', async () => {
  await fc.assert(
    fc.asyncProperty(spoilt, fc.integer({ min: 1, max: 40 }), async (text, piece) => {
      const bytes = Buffer.from(text)
      const whole = await outcomeOf(() => parseJson(bytes))
      const pieces = await outcomeOf(() => parseLargeJson(bytes, piece))
      expect(pieces).toEqual(whole)
      // The order of members must be equal too.
      expect(JSON.stringify(pieces)).toBe(JSON.stringify(whole))
    }),
    { numRuns: 1_000 },
  )
})

test.each(['{"a":1[1]}', '{"a":-[1]}', '{"a":1{"b":1}}', '[1[1]]', '{"a"[1]}'])(
  'a value directly before a bracket is refused in pieces too: %s',
  async (text) => {
    for (let piece = 1; piece <= text.length; piece += 1)
      await expect(parseLargeJson(Buffer.from(text), piece)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  },
)

const list = (length: number, item: string): string => `[${Array.from({ length }, () => item).join()}]`

test('other work runs while a large body is parsed', async () => {
  const body = Buffer.from(list(50_000, '{"a":[1e1,2]}'))
  const ended = new AbortController()
  const turns = (async () => {
    let count = 0
    for (; !ended.signal.aborted; count += 1) await nextTurn()
    return count
  })()
  try {
    expect(await parseLargeJson(body)).toHaveLength(50_000)
  } finally {
    ended.abort()
  }
  // A turn lasts 10 ms, and the body takes several.
  expect(await turns).toBeGreaterThan(2)
})

test('a body has up to 500,000 names and values, an object up to 10,000 members', async () => {
  expect(await parseLargeJson(Buffer.from(list(500_000, '1')))).toHaveLength(500_000)
  expect(await refusalOf(list(500_001, '1'))).toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: 'The request body has more than 500,000 names and values. Send fewer at a time.',
  })
  const object = (members: number): string =>
    `{${Array.from({ length: members }, (_, at) => `"k${String(at)}":1`).join()}}`
  expect(Object.keys((await parseLargeJson(Buffer.from(object(10_000)))) as object)).toHaveLength(10_000)
  expect(await refusalOf(`[${object(10_001)}]`)).toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: 'An object in the request body has more than 10,000 members. Send fewer at a time.',
  })
  expect(await refusalOf(list(70_000, '1'), parseJson)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
})

test('a number that would change is named by its path in a large body', async () => {
  const filler = list(30_000, '{"a":1}')
  expect(await refusalOf(`{"x":${filler},"events":[{},{"data":{"n\\u00e9":[1,1e400]}}]}`)).toMatchObject({
    code: 'BAD_USER_INPUT',
    field: 'events[1].data.né[1]',
  })
})

test('a string of more than a mebibyte is refused in a body, wherever it stands; a shorter one is not', async () => {
  const longest = 'a'.repeat(1_048_575)
  expect(await parseLargeJson(Buffer.from(`{"a":"${longest}"}`))).toEqual({ a: longest })
  for (const body of [
    `"${longest}aa"`,
    `{"a":["${longest}aa"]}`,
    `{"${longest}aa":1}`,
    `"${'\\"'.repeat(600_000)}"`,
  ])
    expect(await refusalOf(body)).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: 'A string in the request body is longer than 1,048,576 bytes.',
    })
})
