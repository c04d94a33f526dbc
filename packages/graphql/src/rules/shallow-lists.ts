import { GraphQLError, type ValidationRule } from 'graphql'

/** Maximum nesting of lists in a literal. */
const deepest = 5

/**
 * Limits the nesting of lists in a document. The gateway's planner visits the items of each list twice, so
 * that thirty levels block it forever (`collectVariablesInValue` of @apollo/federation-internals 2.14).
 */
export const shallowLists: ValidationRule = (context) => {
  let depth = 0
  return {
    ListValue: {
      enter: (node) => {
        depth += 1
        if (depth === deepest + 1)
          context.reportError(
            new GraphQLError(
              `Lists in a document may be nested ${String(deepest)} deep. Send deeper values as variables.`,
              { nodes: node },
            ),
          )
      },
      leave: () => {
        depth -= 1
      },
    },
  }
}
