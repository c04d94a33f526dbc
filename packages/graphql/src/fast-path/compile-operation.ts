import { compileQuery, isCompiledQuery } from 'graphql-jit'
import {
  execute,
  getNamedType,
  isInputObjectType,
  Kind,
  OperationTypeNode,
  visit,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type TypeNode,
} from 'graphql'
import type { Execute, KnownOperation } from './operation-cache.ts'

/**
 * Executes an operation on a schema of this process: compiled by graphql-jit where that is known to answer as
 * graphql-js does, by graphql-js where not. Both check the variables before anything is executed.
 */
export function executeLocally(operation: KnownOperation): Execute {
  const run = compile(operation) ?? interpret(operation)
  return (variables, context) => {
    const result = run(variables, context)
    return result instanceof Promise ? result.then(started) : started(result)
  }
}

type Run = (
  variables: Readonly<Record<string, unknown>>,
  context: unknown,
) => ExecutionResult | Promise<ExecutionResult>

/** Without data the variables were refused: the ordinary way says why. */
const started = (result: ExecutionResult): ExecutionResult | undefined =>
  result.data === undefined ? undefined : result

const interpret =
  ({ schema, document, name }: KnownOperation): Run =>
  (variables, contextValue) =>
    execute({
      schema,
      document,
      variableValues: variables,
      contextValue,
      ...(name !== undefined && { operationName: name }),
    })

function compile({ schema, document, operation, name }: KnownOperation): Run | undefined {
  if (!isCompilable(schema, document, operation)) return undefined
  const compiled = compileQuery(schema, document, name)
  if (!isCompiledQuery(compiled)) return undefined
  return (variables, context) => compiled.query(undefined, context, variables)
}

/**
 * graphql-jit 0.8.9 loses data where a spread is skipped and included at once, knows no `@oneOf`, and reads literals
 * once, those with variables in them too; it does not come to an end with input types that contain themselves. See also `settleListItems`.
 */
function isCompilable(
  schema: GraphQLSchema,
  document: DocumentNode,
  { operation, selectionSet, variableDefinitions = [] }: OperationDefinitionNode,
): boolean {
  const inputs = variableDefinitions.map(({ type }) => schema.getType(nameOf(type)))
  // One field only: there is no order of mutations to keep.
  if (operation === OperationTypeNode.MUTATION && selectionSet.selections.length > 1) return false
  if (!inputs.every((input) => isPlainInput(input))) return false
  let plain = true
  let depth = 0
  const literal = { enter: () => void (depth += 1), leave: () => void (depth -= 1) }
  visit(document, {
    Directive: () => {
      plain = false
    },
    Variable: () => {
      if (depth > 0) plain = false
    },
    [Kind.OBJECT]: literal,
    [Kind.LIST]: literal,
  })
  return plain
}

const nameOf = (type: TypeNode): string =>
  type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type)

/** Whether an input type has neither itself nor a choice of one among what it is made of. */
function isPlainInput(type: GraphQLNamedType | undefined, within: readonly GraphQLNamedType[] = []): boolean {
  if (!isInputObjectType(type)) return true
  if (type.isOneOf || within.includes(type)) return false
  return Object.values(type.getFields()).every((field) =>
    isPlainInput(getNamedType(field.type), [...within, type]),
  )
}
