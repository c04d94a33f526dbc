import { buildSchema, execute } from 'graphql'
import type { SupergraphVersion } from './supergraph-version.ts'

/** The version of an audience for which a supergraph has no fields. */
export function createEmptySchema(sdl: string): SupergraphVersion {
  const schema = buildSchema(`
    type Query {
      "This graph has nothing for the caller's role."
      nothing: Boolean
    }
  `)
  return {
    sdl,
    schema,
    executor: async ({ document, operationName }) => await execute({ schema, document, operationName }),
    queryPlans: new WeakMap(),
    subgraphs: new Map(),
  }
}
