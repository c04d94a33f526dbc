import fc from 'fast-check'
import {
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLInputType,
} from 'graphql'
import type { Raw } from '../raw-json.ts'
import { anyNumber, within } from './numbers.ts'
import { anyText, plainText } from './strings.ts'
import {
  dataObject,
  day,
  email,
  instant,
  literal,
  mostly,
  objectWith,
  refTo,
  scalar,
  text,
} from './values.ts'

const texts = fc.oneof({ weight: 5, arbitrary: plainText }, { weight: 1, arbitrary: anyText }).map(text)
const whole = (min: number, max: number) => within(min, max).map(literal)
const oneOf = (...values: string[]) => fc.constantFrom(...values).map(text)
const names = fc.integer({ min: 0, max: 999_999 })

/** Arguments and members with values that match their name. */
const byName: Readonly<Record<string, fc.Arbitrary<Raw>>> = {
  storeId: refTo('own store', 'own store', 'other store'),
  storeIds: refTo('own store', 'other store').map((store): Raw => ({ items: [store] })),
  userId: fc.oneof(refTo('own visitor', 'own user', 'other visitor', 'other user'), texts),
  email,
  username: names.map((n) => text(`user ${String(n)}`)),
  idempotencyKey: oneOf('a', 'b', 'c', ''),
  data: dataObject,
  first: whole(0, 10_000),
  limit: whole(0, 10_000),
  offset: whole(0, 1_000),
  phone: whole(1, 999_999_999_999_999),
  timeZone: oneOf(
    'UTC',
    'Europe/Berlin',
    'Pacific/Apia',
    'europe/berlin',
    'Etc/GMT+12',
    'posixrules',
    'localtime',
    '+01',
    '',
  ),
  path: oneOf(
    '$.price',
    '$.tags[0]',
    "$['unit price']",
    '$',
    '$.a.b',
    '$.*',
    '$..a',
    '$[0 to 2]',
    'price',
    '$."a"',
    '$.a ? (@ > 1)',
    '',
  ),
  after: oneOf('', 'MQ', 'bm9uc2Vuc2U', '====', 'AAAA', '\0', 'MjAyNi0xMS0yM1QwMDowMDowMFosMQ'),
  weeks: whole(1, 52),
  withinSeconds: whole(1, 7_776_000),
  overlapSeconds: whole(0, 2_592_000),
  retentionDays: whole(1, 36_500),
  lookBackDays: whole(1, 36_500),
  top: whole(1, 100),
  expiresAt: instant,
  fraction: anyNumber.map(literal),
}

const byTypeName: Readonly<Record<string, fc.Arbitrary<Raw>>> = {
  Int: whole(0, 100),
  SafeInt: whole(0, 1_000),
  Float: fc.oneof(fc.constantFrom('0', '0.5', '1', '12.25', '-1').map(literal), anyNumber.map(literal)),
  Boolean: fc.constantFrom('true', 'false').map(literal),
  Date: day,
  DateTime: instant,
  JSONObject: dataObject,
  ID: refTo('own user', 'other user', 'own key', 'other key', 'own store'),
  String: texts,
  _Any: fc
    .record({
      typename: oneOf('User', 'Store', 'Event', 'Query', ''),
      store: refTo('own store', 'other store'),
      ref: refTo('own user', 'other user', 'own visitor'),
    })
    .map(({ typename, store, ref }): Raw => ({
      members: [
        ['__typename', typename],
        ['storeId', store],
        ['ref', ref],
        ['id', 'text' in typename && typename.text === 'Store' ? store : ref],
      ],
    })),
}

/** Values that mostly match an input type. */
export function fittingInput(type: GraphQLInputType, name: string): fc.Arbitrary<Raw> {
  const right = typed(type, name)
  return mostly(
    isNonNullType(type)
      ? right
      : fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: fc.constant(literal('null')) }),
    20,
  )
}

function typed(type: GraphQLInputType, name: string): fc.Arbitrary<Raw> {
  const bare = getNullableType(type)
  if (isListType(bare)) {
    const named = byName[name]
    if (named !== undefined && name === 'storeIds') return named
    const item = fittingInput(bare.ofType, name)
    // One value alone is a list of one.
    return fc.oneof(
      {
        weight: 6,
        arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }).map((items): Raw => ({ items })),
      },
      { weight: 1, arbitrary: fc.constant<Raw>({ items: [] }) },
      { weight: 1, arbitrary: item },
    )
  }
  if (isInputObjectType(bare))
    return objectWith(
      Object.fromEntries(
        Object.values(bare.getFields()).map((field) => [
          field.name,
          {
            value: fittingInput(field.type, field.name),
            required: isNonNullType(field.type) && field.defaultValue === undefined,
          },
        ]),
      ),
    )
  if (isEnumType(bare))
    return fc.constantFrom(...bare.getValues()).map((value): Raw => ({ name: value.name }))
  // `data` of analytics is a list of conditions, and was met above.
  return byName[name] ?? byTypeName[bare.name] ?? scalar
}
