import { buildSchema, execute } from 'graphql'
import type { Generation } from './supergraph-version.ts'

/** The graph of an audience that a supergraph has nothing for. */
export function nothing(sdl: string): Generation {
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
    plans: new WeakMap(),
    guardedTypes: new Set(),
  }
}
