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
 * Lets a composed schema judge literals of our scalars as the subgraphs do. It takes anything for them by itself, and
 * a subgraph that refuses a document of the gateway's looks as if the gateway had made a mistake.
 */
export function judgeLiterals(schema: GraphQLSchema): void {
  for (const { name, parseLiteral } of scalars) {
    const type = schema.getType(name)
    if (isScalarType(type)) type.parseLiteral = parseLiteral
  }
}
