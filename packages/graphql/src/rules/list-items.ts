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

/** Promises among the items no longer reject: they resolve to their error. */
const settled = (items: unknown): unknown =>
  Array.isArray(items) && items.some(isThenable)
    ? items.map((item: unknown) => (isThenable(item) ? item.then((value) => value, toError) : item))
    : items

const settling =
  (resolve: Resolve): Resolve =>
  (source, args, context, info) => {
    const items = resolve(source, args, context, info)
    return isThenable(items) ? items.then(settled) : settled(items)
  }

/**
 * Makes items of lists errors instead of rejected promises. To graphql-js both are the same; graphql-jit 0.8.9 puts a
 * null at the end of the list for a promise that rejects, and so loses or displaces what is there.
 */
export function settleListItems(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type) && !type.name.startsWith('__'))
      for (const field of Object.values(type.getFields()))
        // A field without a resolver is a member of something that has been resolved.
        if (
          isListType(getNullableType(field.type)) &&
          field.resolve &&
          field.resolve !== defaultFieldResolver
        )
          field.resolve = settling(field.resolve as Resolve)
}
