import { Kind, parse, print, visit, type DocumentNode, type OperationDefinitionNode } from 'graphql'
import type { CachedOperation } from '../operation-cache.ts'
import type { ExecutionStrategy } from './execution-strategy.ts'
import { acceptsAny, selectsAny } from './hidden-members.ts'
import { isDataOnly, isPlainFetch, type QueryPlan } from './query-plan.ts'

/**
 * Forwards an operation whose plan is the operation itself: one fetch from one subgraph with the same fields
 * and variables, nothing added or hidden. The subgraph's response is then the client's response.
 *
 * @param hidden types of which clients must not see or use every member
 * @returns undefined when the plan differs from the operation
 */
export function compileForward(
  { schema, document, operation }: CachedOperation,
  { node }: QueryPlan,
  hidden: ReadonlySet<string>,
): ExecutionStrategy | undefined {
  if (document.definitions.length !== 1 || node?.kind !== 'Fetch') return undefined
  if ((node.requires ?? []).length > 0 || !isPlainFetch(node)) return undefined
  if (!hasFieldsOnly(operation) || selectsAny(hidden, schema, document)) return undefined
  const fetched = singleOperation(parse(node.operation, { noLocation: true }))
  if (fetched === undefined || normalize(fetched) !== normalize(operation)) return undefined

  const names = (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
  const { serviceName, operation: query, operationName } = node
  return {
    validatesVariables: acceptsAny(hidden, schema, operation),
    execute: async (variables, context, forward) => {
      const declared = names.flatMap((name) =>
        Object.hasOwn(variables, name) ? [[name, variables[name]] as const] : [],
      )
      const planned = { query, operationName, variables: Object.fromEntries(declared) }
      const response = await forward(serviceName, planned, context)
      if (response === undefined || !isDataOnly(response)) return undefined
      return { text: response.text.endsWith('\n') ? response.text : `${response.text}\n` }
    },
  }
}

const singleOperation = ({ definitions }: DocumentNode): OperationDefinitionNode | undefined => {
  const [definition, ...others] = definitions
  return others.length === 0 && definition?.kind === Kind.OPERATION_DEFINITION ? definition : undefined
}

/** Whether an operation has no directives, fragments or introspection fields. */
function hasFieldsOnly(operation: OperationDefinitionNode): boolean {
  let fieldsOnly = true
  const reject = (): void => {
    fieldsOnly = false
  }
  visit(operation, {
    Directive: reject,
    FragmentSpread: reject,
    InlineFragment: reject,
    Field: ({ name }) => {
      if (name.value.startsWith('__')) reject()
    },
  })
  return fieldsOnly
}

/** An operation's text without its name, its variables sorted. */
const normalize = ({
  name: _name,
  variableDefinitions = [],
  ...operation
}: OperationDefinitionNode): string =>
  print({
    ...operation,
    variableDefinitions: variableDefinitions.toSorted((a, b) =>
      a.variable.name.value < b.variable.name.value ? -1 : 1,
    ),
  })
