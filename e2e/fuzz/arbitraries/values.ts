import fc from 'fast-check'
import { refs, type Member, type Raw } from '../raw-json.ts'
import { anyNumber } from './numbers.ts'
import { anyText, memberName } from './strings.ts'

export const text = (value: string): Raw => ({ text: value })
export const literal = (value: string): Raw => ({ literal: value })
const ref = fc.constantFrom(...refs).map((name): Raw => ({ ref: name }))
export const refTo = (...names: readonly (typeof refs)[number][]): fc.Arbitrary<Raw> =>
  fc.constantFrom(...names).map((name): Raw => ({ ref: name }))

/** What may stand anywhere in JSON, small. */
export const scalar: fc.Arbitrary<Raw> = fc.oneof(
  fc.constantFrom('null', 'true', 'false').map(literal),
  anyNumber.map(literal),
  anyText.map(text),
  ref,
)

/** A value of JSON inside as many others. */
const nested = fc
  .tuple(fc.boolean(), fc.constantFrom(1, 2, 30, 31, 32, 33, 63, 64, 65, 500))
  .map(([arrays, depth]): Raw => {
    const [open, close] = arrays ? ['[', ']'] : ['{"a":', '}']
    return literal(`${open.repeat(depth)}0${close.repeat(depth)}`)
  })

const container = (item: fc.Arbitrary<Raw>): fc.Arbitrary<Raw> =>
  fc.oneof(
    fc.array(item, { maxLength: 4 }).map((items): Raw => ({ items })),
    objectOf(item),
  )

/** An object with any members, now and then one of them twice. */
function objectOf(item: fc.Arbitrary<Raw>): fc.Arbitrary<Raw> {
  const members = fc.array(fc.tuple(memberName, item), { maxLength: 5 })
  return members.map((list): Raw => ({ members: list }))
}

/** Any JSON value. */
export const anyValue: fc.Arbitrary<Raw> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 2, arbitrary: container(scalar) },
  { weight: 1, arbitrary: container(container(scalar)) },
  { weight: 1, arbitrary: nested },
)

/** `data` of an event: mostly an object. */
export const dataObject: fc.Arbitrary<Raw> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('{}', '{"price":1.5,"tags":["a"],"plan":"free"}').map(literal) },
  { weight: 4, arbitrary: objectOf(fc.oneof(scalar, container(scalar))) },
  { weight: 1, arbitrary: nested.map((value): Raw => ({ members: [['deep', value]] })) },
  { weight: 1, arbitrary: anyValue },
)

/** Mostly what is right, now and then anything. */
export const mostly = (right: fc.Arbitrary<Raw>, weight = 14): fc.Arbitrary<Raw> =>
  fc.oneof({ weight, arbitrary: right }, { weight: 1, arbitrary: anyValue })

/** Instants and days: ordinary ones, and those at the ends of calendars. */
const instants = [
  '2026-11-23T05:16:00.123Z',
  '2026-11-23T05:16:00+14:00',
  '2026-02-30T00:00:00Z',
  '2026-12-31T23:59:60Z',
  '2026-11-23T24:00:00Z',
  '2026-11-23T05:16:00.123456789Z',
  '2026-11-23T05:16Z',
  '2026-11-23T05:16:00',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00+14:00',
  '1582-10-10T00:00:00Z',
  '1969-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59.999-14:00',
  '9999-12-31T23:59:59.999Z',
  '+275760-09-13T00:00:00Z',
  '-271821-04-20T00:00:00Z',
  '2026-11-23T05:16:00.123+23:59',
  '2026-11-23t05:16:00z',
]
const days = [
  '2026-11-23',
  '2026-11-01',
  '2024-02-29',
  '2026-02-29',
  '0000-01-01',
  '0001-01-01',
  '9999-12-31',
  '10000-01-01',
  '2026-13-01',
  '26-1-1',
]

/** Close to now, whenever that is: ahead of the clock, on it, and before what is kept. */
const minutesFromNow = fc
  .constantFrom(-10_000_000, -100_000, -1_440, -60, -1, 0, 4, 6, 1_000_000)
  .map((minutes) => new Date(Date.now() + minutes * 60_000).toISOString())

export const instant = fc.oneof(fc.constantFrom(...instants), minutesFromNow).map(text)
export const day = fc
  .oneof(
    fc.constantFrom(...days),
    minutesFromNow.map((value) => value.slice(0, 10)),
  )
  .map(text)

export const email: fc.Arbitrary<Raw> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 999_999 }).map((n) => text(`u${String(n)}@example.org`)),
  },
  { weight: 2, arbitrary: refTo('own email', 'other email') },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        'a@b',
        '@',
        'a@b@c',
        '"a b"@c.d',
        ' A@B.C ',
        'ä@ü.de',
        `a@${'b'.repeat(252)}`,
        'a@b.c\0',
        '\ud800@b.c',
      )
      .map(text),
  },
)

/** Members of an object, each optional, sometimes duplicated, with unknown others. */
export function objectWith(
  properties: Readonly<Record<string, { readonly value: fc.Arbitrary<Raw>; readonly required: boolean }>>,
): fc.Arbitrary<Raw> {
  const parts = Object.entries(properties).map(([name, { value, required }]) =>
    fc.option(
      value.map((raw): Member => [name, raw]),
      { freq: required ? 40 : 2, nil: undefined },
    ),
  )
  const again = Object.keys(properties)
  const extra = fc.oneof(
    { weight: 12, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.tuple(memberName, scalar).map((member) => [member]) },
    ...(again.length === 0
      ? []
      : [{ weight: 1, arbitrary: fc.tuple(fc.constantFrom(...again), scalar).map((member) => [member]) }]),
  )
  return fc.tuple(fc.tuple(...parts), extra).map(([members, more]): Raw => ({
    members: [...members.filter((member) => member !== undefined), ...more],
  }))
}
