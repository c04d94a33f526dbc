import { GraphQLError, type ValidationRule } from 'graphql'

/** Lists inside each other in a literal. */
const deepest = 5

/**
 * Bounds how deep lists of a document lie in lists. The gateway's planner looks at the items of each list twice, so
 * that thirty such levels keep it busy for ever (`collectVariablesInValue` of @apollo/federation-internals 2.14).
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
