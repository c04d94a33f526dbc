import {
  getNullableType,
  isInputObjectType,
  isListType,
  Kind,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type ValueNode,
} from 'graphql'
import { sum, type CostExpression, type Variables } from './cost-expression.ts'

/** Counts the items of all lists in a value. */
type Count = (value: unknown) => number

/** The default values of variables. */
export type Defaults = Variables

/** The number of list items in a literal, including those in variables. Scalars are not inspected. */
export function itemsIn(node: ValueNode, type: GraphQLInputType, defaults: Defaults): CostExpression {
  const nullable = getNullableType(type)
  if (node.kind === Kind.VARIABLE) {
    const count = counterOf(nullable)
    const name = node.name.value
    return count === undefined
      ? 0
      : (variables) => count(Object.hasOwn(variables, name) ? variables[name] : defaults[name])
  }
  if (node.kind === Kind.NULL) return 0
  if (isListType(nullable)) {
    const item = nullable.ofType
    return (node.kind === Kind.LIST ? node.values : [node]).reduce<CostExpression>(
      (total, value) => sum(sum(total, 1), itemsIn(value, item, defaults)),
      0,
    )
  }
  if (node.kind !== Kind.OBJECT || !isInputObjectType(nullable)) return 0
  const fields = nullable.getFields()
  return node.fields.reduce<CostExpression>((total, { name, value }) => {
    const field = fields[name.value]
    return field === undefined ? total : sum(total, itemsIn(value, field.type, defaults))
  }, 0)
}

const counters = new WeakMap<GraphQLInputObjectType, { readonly count: Count | undefined }>()

/** Undefined: values of this type contain no lists. */
function counterOf(
  type: GraphQLInputType,
  within: readonly GraphQLInputObjectType[] = [],
): Count | undefined {
  const nullable = getNullableType(type)
  if (isListType(nullable)) {
    const count = counterOf(nullable.ofType, within)
    return (value) => {
      if (value == null) return 0
      const items = Array.isArray(value) ? (value as unknown[]) : [value]
      return count === undefined
        ? items.length
        : items.reduce<number>((total, item) => total + count(item), items.length)
    }
  }
  if (!isInputObjectType(nullable)) return undefined
  // A recursive type is inspected when there is a value.
  if (within.includes(nullable)) return (value) => counterOf(nullable)?.(value) ?? 0
  const known = counters.get(nullable)
  if (known !== undefined) return known.count
  const members = Object.values(nullable.getFields()).flatMap((field) => {
    const count = counterOf(field.type, [...within, nullable])
    return count === undefined ? [] : [[field.name, count] as const]
  })
  const count = members.length === 0 ? undefined : countMembers(members)
  if (within.length === 0) counters.set(nullable, { count })
  return count
}

const countMembers =
  (members: readonly (readonly [string, Count])[]): Count =>
  (value) => {
    if (typeof value !== 'object' || value === null) return 0
    let total = 0
    for (const [name, count] of members) total += count((value as Record<string, unknown>)[name])
    return total
  }
