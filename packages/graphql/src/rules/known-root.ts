import { GraphQLError, type ValidationRule } from 'graphql'

/**
 * Refuses operations of a type that the schema does not have. graphql-js accepts them and then fails to
 * execute them, as if by a bug of ours.
 */
export const knownRoot: ValidationRule = (context) => ({
  OperationDefinition: (node) => {
    if (context.getSchema().getRootType(node.operation) == null)
      context.reportError(new GraphQLError(`This graph has no ${node.operation}s.`, { nodes: node }))
  },
})
