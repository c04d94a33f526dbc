import { GraphQLError, isIntrospectionType, type ValidationRule } from 'graphql'

const maxAliases = 10

/**
 * Limits aliases in introspection. It is answered synchronously, each alias of a list repeats the list for
 * every type, and tools use none.
 */
export const fewIntrospectionAliases: ValidationRule = (context) => {
  let aliases = 0
  return {
    Field: (node) => {
      const parent = context.getParentType()
      const isIntrospection =
        (parent != null && isIntrospectionType(parent)) || ['__schema', '__type'].includes(node.name.value)
      if (node.alias === undefined || !isIntrospection) return
      aliases += 1
      if (aliases === maxAliases + 1)
        context.reportError(
          new GraphQLError(
            `At most ${String(maxAliases)} aliases are allowed in introspection. Split the operation.`,
            { nodes: node },
          ),
        )
    },
  }
}
