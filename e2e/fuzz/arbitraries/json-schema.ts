import fc from 'fast-check'
import type { Raw } from '../raw-json.ts'
import { within } from './numbers.ts'
import { anyText, plainText } from './strings.ts'
import {
  anyValue,
  dataObject,
  day,
  email,
  instant,
  literal,
  mostly,
  objectWith,
  refTo,
  text,
} from './values.ts'

/** The subset of JSON Schema in our OpenAPI documents. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

const texts = fc.oneof({ weight: 5, arbitrary: plainText }, { weight: 1, arbitrary: anyText }).map(text)

/** Members with values that match their name. */
const byName: Readonly<Record<string, fc.Arbitrary<Raw>>> = {
  email,
  id: refTo('own user', 'other user', 'own store', 'other store'),
  store_id: refTo('own store', 'own store', 'other store'),
  user_id: fc.oneof(refTo('own visitor', 'own user', 'other visitor', 'other user'), texts),
  api_key: fc.oneof(texts, fc.constantFrom('us_s_', `us_a_${'A'.repeat(43)}`).map(text)),
  idempotency_key: fc.constantFrom('a', 'b', 'c').map(text),
  'idempotency-key': fc.constantFrom('a', 'b', 'c', '', 'x'.repeat(256)).map(text),
  username: fc.integer({ min: 0, max: 999_999 }).map((n) => text(`user ${String(n)}`)),
  data: dataObject,
}

/** Values that mostly match a schema. */
export function fitting(schema: Schema, name = ''): fc.Arbitrary<Raw> {
  const named = byName[name]
  return mostly(
    named === undefined
      ? typed(schema)
      : fc.oneof({ weight: 5, arbitrary: named }, { weight: 1, arbitrary: typed(schema) }),
  )
}

function typed(schema: Schema): fc.Arbitrary<Raw> {
  const { type, properties, required = [] } = schema
  switch (typeof type === 'string' ? type : type?.[0]) {
    case 'integer':
    case 'number':
      return within(schema.minimum ?? 0, schema.maximum ?? 1_000).map(literal)
    case 'boolean':
      return fc.constantFrom('true', 'false').map(literal)
    case 'string':
      return schema.format === 'date-time' ? instant : schema.format === 'date' ? day : texts
    case 'array': {
      const item = fitting(schema.items ?? {})
      return fc.array(item, { maxLength: 6 }).map((items): Raw => ({ items }))
    }
    case 'object':
      if (properties === undefined) return dataObject
      return objectWith(
        Object.fromEntries(
          Object.entries(properties).map(([member, value]) => [
            member,
            { value: fitting(value, member), required: required.includes(member) },
          ]),
        ),
      )
    default:
      return anyValue
  }
}
