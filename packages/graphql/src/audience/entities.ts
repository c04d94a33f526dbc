import {
  getNamedType,
  isLeafType,
  isUnionType,
  Kind,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { badInput, DomainError, yieldTurn } from '@user-stats/core'

type Resolve = GraphQLFieldResolver<unknown, unknown, { readonly representations: readonly unknown[] }>

/** Maximum entities of one request. A gateway with the default cost sends half as many. */
const maxEntities = 25_000
/** Entities looked up at a time; the others of a request wait. */
const pieceLength = 500

const tooMany = (requested: number): DomainError =>
  new DomainError('OPERATION_TOO_LARGE', {
    message: `The operation looks up ${String(requested)} entities; at most ${String(maxEntities)} are allowed. Request shorter lists (first, limit), or split the operation.`,
    limit: { name: 'entities', requested, maximum: maxEntities },
  })

/** Looks up many entities in chunks, so that other requests run in between. */
const inPieces =
  (resolve: Resolve): Resolve =>
  async (source, { representations }, context, info) => {
    const entities: unknown[] = []
    for (let at = 0; at < representations.length; at += pieceLength) {
      const piece = representations.slice(at, at + pieceLength)
      const found = (await resolve(source, { representations: piece }, context, info)) as readonly unknown[]
      // A failed entity is an error at its own position.
      await Promise.allSettled(found)
      entities.push(...found)
      await yieldTurn()
    }
    return entities
  }

/**
 * Makes `_entities` refuse representations of unknown types, of types hidden from this audience, or without a
 * key.
 */
export function refuseUnknownEntities(schema: GraphQLSchema): GraphQLSchema {
  const field = schema.getQueryType()?.getFields()['_entities']
  const resolve = field?.resolve as Resolve | undefined
  const entity = schema.getType('_Entity')
  if (field === undefined || resolve === undefined || !isUnionType(entity)) return schema
  const keys = new Map(entity.getTypes().map((type) => [type.name, keysOf(type)]))
  const resolveInPieces = inPieces(resolve)
  const guarded: Resolve = (source, args, context, info) => {
    const { length } = args.representations
    if (length > maxEntities) throw tooMany(length)
    for (const representation of args.representations) {
      const members = (representation ?? {}) as Readonly<Record<string, unknown>>
      const known = keys.get(String(members['__typename']))
      if (known === undefined)
        throw badInput('representations', 'must name entities of this graph by __typename')
      if (!known.some((key) => key.every(({ name, accepts }) => accepts(members[name]))))
        throw badInput('representations', 'must hold the key of each entity')
    }
    return (length > pieceLength ? resolveInPieces : resolve)(source, args, context, info)
  }
  field.resolve = guarded as NonNullable<typeof field.resolve>
  return schema
}

/** The keys of an entity (`@key(fields: "storeId ref")`): their members and the valid values of each. */
const keysOf = (type: GraphQLObjectType) =>
  [type.astNode, ...type.extensionASTNodes]
    .flatMap((node) => node?.directives ?? [])
    .filter(({ name }) => name.value === 'key')
    .flatMap(({ arguments: given = [] }) => given)
    .flatMap(({ name, value }) =>
      name.value === 'fields' && value.kind === Kind.STRING ? [value.value.trim().split(/\s+/)] : [],
    )
    .map((names) => names.map((name) => ({ name, accepts: acceptorOf(type, name) })))

/**
 * Validates a key's member by its type as an input. A member that is hidden from this audience may have any
 * value.
 */
function acceptorOf(type: GraphQLObjectType, name: string): (value: unknown) => boolean {
  const field = type.getFields()[name]
  const named = field && getNamedType(field.type)
  return (value) => {
    if (value == null || !isLeafType(named)) return value != null
    try {
      named.parseValue(value)
      return true
    } catch {
      return false
    }
  }
}
