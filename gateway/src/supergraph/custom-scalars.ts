import {
  DateScalar,
  DateTimeScalar,
  JSONObjectScalar,
  JSONScalarScalar,
  SafeIntScalar,
} from '@user-stats/graphql'
import { isScalarType, type GraphQLSchema } from 'graphql'

const scalars = [DateScalar, DateTimeScalar, JSONObjectScalar, JSONScalarScalar, SafeIntScalar]

/**
 * Makes a composed schema parse literals of custom scalars as the subgraphs do. By default it accepts any
 * literal, and a subgraph that then rejects the gateway's document looks like a fault of the gateway.
 */
export function applyScalarParsers(schema: GraphQLSchema): void {
  for (const { name, parseLiteral } of scalars) {
    const type = schema.getType(name)
    if (isScalarType(type)) type.parseLiteral = parseLiteral
  }
}
