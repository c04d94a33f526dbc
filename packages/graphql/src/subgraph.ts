import { buildSubgraphSchema } from '@apollo/subgraph'
import { GraphQLScalarType, type GraphQLSchema } from 'graphql'
import { forAnalysts, type SubgraphParts } from './audience/analyst-schema.ts'
import { refuseUnknownEntities } from './audience/entities.ts'

export { loadTypeDefs } from './load-type-defs.ts'

/** Merges resolver maps type by type, as `Query` and `Mutation` have fields in several. */
export function mergeResolvers<Resolvers extends object>(...maps: readonly Resolvers[]): Resolvers {
  const merged: Record<string, object> = {}
  for (const map of maps)
    for (const [type, resolvers] of Object.entries(map) as [string, object][])
      merged[type] = resolvers instanceof GraphQLScalarType ? resolvers : { ...merged[type], ...resolvers }
  return merged as Resolvers
}

/** The executable schemas of a subgraph: for everyone, and for analysts. */
export const createSubgraphSchemas = (parts: SubgraphParts) => ({
  everyone: executable(parts),
  analysts: executable(forAnalysts(parts)),
})

const executable = (parts: SubgraphParts): GraphQLSchema =>
  // The generated types are stricter than the builder's.
  refuseUnknownEntities(buildSubgraphSchema(parts as never))
