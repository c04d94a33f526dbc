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
import type { CachedOperation, ExecuteCached, Variables } from './operation-cache.ts'

/**
 * Compiles an operation for a schema of this process: with graphql-jit where its results equal those of
 * graphql-js, otherwise graphql-js executes it. Both validate the variables first.
 */
export function compileOperation(operation: CachedOperation): ExecuteCached {
  const execute = compileWithJit(operation) ?? executeWithGraphqlJs(operation)
  return (variables, context) => {
    const result = execute(variables, context)
    return result instanceof Promise ? result.then(unlessRejected) : unlessRejected(result)
  }
}

type Execute = (variables: Variables, context: unknown) => ExecutionResult | Promise<ExecutionResult>

/** A result without data: the variables were rejected, and the ordinary path reports why. */
const unlessRejected = (result: ExecutionResult): ExecutionResult | undefined =>
  result.data === undefined ? undefined : result

const executeWithGraphqlJs =
  ({ schema, document, name }: CachedOperation): Execute =>
  (variables, contextValue) =>
    execute({
      schema,
      document,
      variableValues: variables,
      contextValue,
      ...(name !== undefined && { operationName: name }),
    })

function compileWithJit({ schema, document, operation, name }: CachedOperation): Execute | undefined {
  if (!isCompilable(schema, document, operation)) return undefined
  const compiled = compileQuery(schema, document, name)
  if (!isCompiledQuery(compiled)) return undefined
  return (variables, context) => compiled.query(undefined, context, variables)
}

/**
 * Faults of graphql-jit 0.8.9: it drops data where a spread has both `@skip` and `@include`, ignores
 * `@oneOf`, evaluates literals once even if they contain variables, and never returns from recursive input
 * types. See also `settleListItems`.
 */
function isCompilable(
  schema: GraphQLSchema,
  document: DocumentNode,
  { operation, selectionSet, variableDefinitions = [] }: OperationDefinitionNode,
): boolean {
  const inputs = variableDefinitions.map(({ type }) => schema.getType(nameOf(type)))
  // Mutations run one after another, which graphql-jit does not ensure.
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

/** Whether an input type contains, at any depth, neither itself nor a `@oneOf` type. */
function isPlainInput(type: GraphQLNamedType | undefined, within: readonly GraphQLNamedType[] = []): boolean {
  if (!isInputObjectType(type)) return true
  if (type.isOneOf || within.includes(type)) return false
  return Object.values(type.getFields()).every((field) =>
    isPlainInput(getNamedType(field.type), [...within, type]),
  )
}
