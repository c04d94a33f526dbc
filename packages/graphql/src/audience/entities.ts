import {
  getNamedType,
  isLeafType,
  isUnionType,
  Kind,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { badInput } from '@user-stats/core'

type Resolve = GraphQLFieldResolver<unknown, unknown, { readonly representations: readonly unknown[] }>

/** Makes `_entities` of a subgraph refuse what is no entity of it, not for this audience, or has no key of its type. */
export function refuseUnknownEntities(schema: GraphQLSchema): GraphQLSchema {
  const field = schema.getQueryType()?.getFields()['_entities']
  const resolve = field?.resolve as Resolve | undefined
  const entity = schema.getType('_Entity')
  if (field === undefined || resolve === undefined || !isUnionType(entity)) return schema
  const keys = new Map(entity.getTypes().map((type) => [type.name, keysOf(type)]))
  const guarded: Resolve = (source, args, context, info) => {
    for (const representation of args.representations) {
      const members = (representation ?? {}) as Readonly<Record<string, unknown>>
      const known = keys.get(String(members['__typename']))
      if (known === undefined)
        throw badInput('representations', 'must name entities of this graph by __typename')
      if (!known.some((key) => key.every(({ name, accepts }) => accepts(members[name]))))
        throw badInput('representations', 'must hold the key of each entity')
    }
    return resolve(source, args, context, info)
  }
  field.resolve = guarded as NonNullable<typeof field.resolve>
  return schema
}

/** The keys of an entity (`@key(fields: "storeId ref")`): their members, and which values each may have. */
const keysOf = (type: GraphQLObjectType) =>
  [type.astNode, ...type.extensionASTNodes]
    .flatMap((node) => node?.directives ?? [])
    .filter(({ name }) => name.value === 'key')
    .flatMap(({ arguments: given = [] }) => given)
    .flatMap(({ name, value }) =>
      name.value === 'fields' && value.kind === Kind.STRING ? [value.value.trim().split(/\s+/)] : [],
    )
    .map((names) => names.map((name) => ({ name, accepts: acceptorOf(type, name) })))

/** What may stand in a member: what its type takes as input. Of one that this audience does not see, anything. */
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
