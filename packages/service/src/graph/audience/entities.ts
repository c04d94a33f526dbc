import { isObjectType, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql'
import { badInput } from '../../errors/domain-error.ts'

type Resolve = GraphQLFieldResolver<unknown, unknown, { readonly representations: readonly unknown[] }>

/** Makes `_entities` of a subgraph refuse types that are not its own, or not for this audience, as wrong input. */
export function refuseUnknownEntities(schema: GraphQLSchema): GraphQLSchema {
  const field = schema.getQueryType()?.getFields()['_entities']
  const resolve = field?.resolve as Resolve | undefined
  if (field === undefined || resolve === undefined) return schema
  const guarded: Resolve = (source, args, context, info) => {
    for (const representation of args.representations) {
      const { __typename: name } = representation as { readonly __typename?: unknown }
      if (typeof name !== 'string' || !isObjectType(info.schema.getType(name)))
        throw badInput('representations', 'must name entities of this graph by __typename')
    }
    return resolve(source, args, context, info)
  }
  field.resolve = guarded as NonNullable<typeof field.resolve>
  return schema
}
