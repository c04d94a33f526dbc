import type { Experimental_DidResolveQueryPlanCallback } from '@apollo/gateway'
import type { KnownOperation } from '@user-stats/graphql'
import {
  getNamedType,
  isInputObjectType,
  Kind,
  parse,
  print,
  typeFromAST,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ConstDirectiveNode,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type NamedTypeNode,
  type OperationDefinitionNode,
} from 'graphql'
import { toOperation } from '../subgraphs/subgraph-operation.ts'
import type { Way } from '../supergraph/execution-strategy.ts'

export type QueryPlan = Parameters<Experimental_DidResolveQueryPlanCallback>[0]['queryPlan']

/**
 * Whether planning has left an operation as the client wrote it: one fetch from one subgraph, field by field the
 * same, nothing added that must be taken out again and nothing to be hidden. Then the subgraph's answer is the
 * client's answer.
 *
 * @param guarded enum and input types of which clients must not see everything
 */
export function toPassThrough(
  { schema, document, operation }: KnownOperation,
  { node }: QueryPlan,
  guarded: ReadonlySet<string>,
): Way | undefined {
  if (document.definitions.length !== 1 || node?.kind !== 'Fetch') return undefined
  const { requires, inputRewrites, outputRewrites, contextRewrites, hasDefers } = node
  if ([requires, inputRewrites, outputRewrites, contextRewrites].some((list) => list && list.length > 0))
    return undefined
  if (hasDefers === true || !isPlain(operation) || showsAny(guarded, schema, document)) return undefined
  const fetched = operationOf(parse(node.operation, { noLocation: true }))
  if (fetched === undefined || shapeOf(fetched) !== shapeOf(operation)) return undefined

  const names = (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
  return {
    strict: takesAny(guarded, schema, operation),
    run: async (variables, context, subgraphs) => {
      const declared = names.flatMap((name) =>
        Object.hasOwn(variables, name) ? [[name, variables[name]] as const] : [],
      )
      const request = {
        query: node.operation,
        operationName: node.operationName,
        variables: Object.fromEntries(declared),
      }
      const answer = await subgraphs[node.serviceName]?.hand?.(toOperation(request), context)
      if (answer === undefined || !isCleanAnswer(answer.status, answer.text)) return undefined
      return { text: answer.text.endsWith('\n') ? answer.text : `${answer.text}\n` }
    },
  }
}

/** Whether a document selects fields of any of these types. */
export function showsAny(names: ReadonlySet<string>, schema: GraphQLSchema, document: DocumentNode): boolean {
  const types = new TypeInfo(schema)
  const shown = new Set<string>()
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: () => {
        const type = getNamedType(types.getType())
        if (type) shown.add(type.name)
      },
    }),
  )
  return !names.isDisjointFrom(shown)
}

/** Whether variables of an operation reach any of these types. */
function takesAny(
  names: ReadonlySet<string>,
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): boolean {
  const reached = new Set<GraphQLNamedType>()
  const visitType = (type: GraphQLNamedType | undefined): void => {
    if (type === undefined || reached.has(type)) return
    reached.add(type)
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) visitType(getNamedType(field.type))
  }
  for (const { type } of variableDefinitions)
    visitType(getNamedType(typeFromAST(schema, type as NamedTypeNode)))
  return [...reached].some(({ name }) => names.has(name))
}

const operationOf = ({ definitions }: DocumentNode): OperationDefinitionNode | undefined => {
  const [definition, ...others] = definitions
  return others.length === 0 && definition?.kind === Kind.OPERATION_DEFINITION ? definition : undefined
}

/** No directives, no fragments, no type names. */
function isPlain(operation: OperationDefinitionNode): boolean {
  let plain = true
  const unusual = (): void => {
    plain = false
  }
  visit(operation, {
    Directive: unusual,
    FragmentSpread: unusual,
    InlineFragment: unusual,
    Field: ({ name }) => {
      if (name.value.startsWith('__')) unusual()
    },
  })
  return plain
}

/** What an operation asks for, without its name and the order of its variables. */
const shapeOf = ({ name: _name, variableDefinitions = [], ...operation }: OperationDefinitionNode): string =>
  print({
    ...operation,
    variableDefinitions: variableDefinitions.toSorted((a, b) =>
      a.variable.name.value < b.variable.name.value ? -1 : 1,
    ),
  })

const isHidden = ({
  directives,
}: {
  readonly directives?: readonly ConstDirectiveNode[] | undefined
}): boolean => directives?.some(({ name }) => name.value.endsWith('inaccessible')) === true

/** Enum types with values, and input types with fields, that are not for clients. */
export function guardedTypes(supergraph: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const definition of parse(supergraph, { noLocation: true }).definitions)
    if (
      (definition.kind === Kind.ENUM_TYPE_DEFINITION && definition.values?.some(isHidden)) ||
      (definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION && definition.fields?.some(isHidden))
    )
      found.add(definition.name.value)
  return found
}

/** Whether an answer is data and nothing else, so that it can be handed on unread. */
export const isCleanAnswer = (status: number, text: string): boolean =>
  status === 200 &&
  text.startsWith('{"data":{') &&
  // Also a field or value of that name is a reason to look.
  !text.includes('"errors"') &&
  !text.includes('"extensions"')
