import {
  GraphQLError,
  Kind,
  type ASTNode,
  type ASTVisitFn,
  type ValidationRule,
  type ValueNode,
} from 'graphql'
import { badInput, inexactRule, survivesDouble, toPath } from '@user-stats/core'

type NumberNode = Extract<ValueNode, { readonly kind: Kind.INT | Kind.FLOAT }>

/**
 * Applies the rule for numbers in variables to those in a document: refused when a double would change them.
 */
export const exactNumbers: ValidationRule = (context) => {
  const check: ASTVisitFn<NumberNode> = (node, _key, parent, _path, ancestors) => {
    if (survivesDouble(node.value)) return
    const field = toPath(namesOf([...ancestors, ...(parent ? [parent] : []), node]))
    context.reportError(new GraphQLError(badInput(field, inexactRule).message, { nodes: node }))
  }
  return { IntValue: check, FloatValue: check }
}

/** The argument or variable that contains a value, and the members and indexes on the path to it. */
function namesOf(lineage: readonly (ASTNode | readonly ASTNode[])[]): (string | number)[] {
  const names: (string | number)[] = []
  for (const [at, node] of lineage.entries()) {
    if (!('kind' in node)) continue
    const within = lineage[at - 1]
    if (node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD) names.push(node.name.value)
    else if (node.kind === Kind.VARIABLE_DEFINITION) names.push(node.variable.name.value)
    else if (Array.isArray(within)) {
      const list = lineage[at - 2]
      if (list && 'kind' in list && list.kind === Kind.LIST) names.push(within.indexOf(node))
    }
  }
  return names
}
