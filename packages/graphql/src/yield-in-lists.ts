import {
  defaultFieldResolver,
  getNullableType,
  isListType,
  isObjectType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql'
import { yieldTurn } from '@user-stats/core'

type Resolve = GraphQLFieldResolver<unknown, unknown>

/** Items that are completed in one turn. */
const pieceLength = 250

/**
 * Yields to the event loop while a long list is completed: executors complete resolved items synchronously,
 * so all but the first items are promises, which resolve in chunks.
 */
function inPieces(items: unknown): unknown {
  if (!Array.isArray(items) || items.length <= pieceLength) return items
  let piece: Promise<unknown> = Promise.resolve()
  return items.map((item: unknown, at) => {
    if (at < pieceLength) return item
    if (at % pieceLength === 0) piece = piece.then(yieldTurn)
    return piece.then(() => item)
  })
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

function resolverOf({ name, resolve }: GraphQLField<unknown, unknown>): Resolve {
  // The default resolver reads a member; executors do not prepare other properties.
  if (resolve === undefined || resolve === defaultFieldResolver)
    return (source) => inPieces((source as Readonly<Record<string, unknown>>)[name])
  return (...given) => {
    const items: unknown = resolve(...given)
    return isThenable(items) ? items.then(inPieces) : inPieces(items)
  }
}

/** Makes a schema's long lists of objects and values complete in chunks, with any executor. */
export function yieldInLists(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type) && !type.name.startsWith('__'))
      for (const field of Object.values(type.getFields()))
        if (isListType(getNullableType(field.type))) field.resolve = resolverOf(field)
}
