import {
  defaultFieldResolver,
  getNullableType,
  isListType,
  isObjectType,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql'

type Resolve = GraphQLFieldResolver<unknown, unknown, Record<string, unknown>>

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

/** Makes promises among the items resolve to their error instead of rejecting. */
const settleItems = (items: unknown): unknown =>
  Array.isArray(items) && items.some(isThenable)
    ? items.map((item: unknown) => (isThenable(item) ? item.then((value) => value, toError) : item))
    : items

const withSettledItems =
  (resolve: Resolve): Resolve =>
  (source, args, context, info) => {
    const items = resolve(source, args, context, info)
    return isThenable(items) ? items.then(settleItems) : settleItems(items)
  }

/**
 * Makes resolvers of lists return errors in place of rejected promises. graphql-js treats both alike;
 * graphql-jit 0.8.9 appends a null to the list for a rejected promise, which displaces other items.
 */
export function settleListItems(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type) && !type.name.startsWith('__'))
      for (const field of Object.values(type.getFields()))
        // The default resolver reads a member of a value that has been resolved already.
        if (
          isListType(getNullableType(field.type)) &&
          field.resolve &&
          field.resolve !== defaultFieldResolver
        )
          field.resolve = withSettledItems(field.resolve as Resolve)
}
