import { GraphQLError, type ValidationRule } from 'graphql'

/**
 * Refuses operations of a kind that a schema has none of: graphql-js lets them pass and then fails to execute them,
 * as if the fault were ours.
 */
export const knownRoot: ValidationRule = (context) => ({
  OperationDefinition: (node) => {
    if (context.getSchema().getRootType(node.operation) == null)
      context.reportError(new GraphQLError(`This graph has no ${node.operation}s.`, { nodes: node }))
  },
})
