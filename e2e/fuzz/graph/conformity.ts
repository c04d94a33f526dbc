import {
  getNullableType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from 'graphql'
import { responseName, type Selection } from './operations.ts'

const scalars: Readonly<Record<string, (value: unknown) => boolean>> = {
  Int: (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31 + 1,
  SafeInt: Number.isSafeInteger,
  Float: Number.isFinite,
  Boolean: (value) => typeof value === 'boolean',
  String: (value) => typeof value === 'string',
  ID: (value) => typeof value === 'string',
  Date: (value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value),
  DateTime: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  JSONObject: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

/** Where data does not match the schema and the selection; undefined if it does. */
export function faultIn(
  type: GraphQLOutputType,
  selections: readonly Selection[],
  value: unknown,
  at = 'data',
): string | undefined {
  if (value === null) return isNonNullType(type) ? `${at} is null` : undefined
  const bare = getNullableType(type)
  if (isListType(bare)) {
    if (!Array.isArray(value)) return `${at} is no list`
    return first(
      value.map((item, index) => faultIn(bare.ofType, selections, item, `${at}[${String(index)}]`)),
    )
  }
  if (isObjectType(bare)) return faultInObject(bare, selections, value, at)
  if (isUnionType(bare)) {
    const { __typename: name } = value as { __typename?: unknown }
    const type = bare.getTypes().find((type) => type.name === name)
    const own = selections.filter(({ on }) => on === undefined || on === name)
    return type === undefined ? `${at} is of no type` : faultInObject(type, own, value, at)
  }
  if (isEnumType(bare))
    return bare.getValues().some(({ name }) => name === value) ? undefined : `${at} is no ${bare.name}`
  if (!('name' in bare)) return undefined
  return scalars[bare.name]?.(value) === false ? `${at} is no ${bare.name}` : undefined
}

function faultInObject(
  type: GraphQLObjectType,
  selections: readonly Selection[],
  value: unknown,
  at: string,
): string | undefined {
  if (typeof value !== 'object' || value === null) return `${at} is no object`
  const wanted = selections.filter(({ directive }) => directive?.includes('@skip(if: true)') !== true)
  const names = wanted.map(responseName)
  const found = Object.keys(value)
  if (JSON.stringify([...names].sort()) !== JSON.stringify([...found].sort()))
    return `${at} has ${found.join(', ')} in place of ${names.join(', ')}`
  return first(
    wanted.map((selection) => {
      const name = responseName(selection)
      const member: unknown = (value as Record<string, unknown>)[name]
      if (selection.field === '__typename')
        return member === type.name ? undefined : `${at}.${name} is not ${type.name}`
      const field = type.getFields()[selection.field]
      return field === undefined
        ? `${at}.${name} is not known`
        : faultIn(field.type, selection.fields, member, `${at}.${name}`)
    }),
  )
}

const first = (faults: readonly (string | undefined)[]): string | undefined =>
  faults.find((fault) => fault !== undefined)
