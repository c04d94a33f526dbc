import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  valueFromASTUntyped,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { product, sum, type Amount } from './cost-expression.ts'
import { itemsIn, type Defaults } from './list-inputs.ts'

/** Arguments that say how many items are asked for. */
const slicing = new Set(['first', 'last', 'limit'])
/** Items of a list of which nothing says how long it is. */
const assumedItems = 50

export interface CostOptions {
  readonly schema: GraphQLSchema
  /** Valid, and measured: fragments are followed as often as they are spread. */
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
}

/**
 * What an operation costs: one for each object that may be answered and for each root field, one for each item of a
 * list that is sent; values and introspection are free. Lists multiply what is asked of their items: by `first`,
 * `last` or `limit` of the field or of the one it is a page of, else by the items sent to either, else by 50.
 * After IBM's GraphQL Cost Directive Specification, by convention instead of by directives.
 *
 * @returns a number when no variable changes it
 */
export function compileCost({ schema, document, operation }: CostOptions): Amount {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  const defaults: Defaults = Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
    ),
  )

  /** @param page items of the page that these selections are of */
  function ofSelections(
    { selections }: SelectionSetNode,
    type: GraphQLCompositeType,
    page: Amount | undefined,
    root = false,
  ): Amount {
    let total: Amount = 0
    const conditional = (set: SelectionSetNode, condition: string | undefined): Amount => {
      const narrowed = condition === undefined ? type : schema.getType(condition)
      return ofSelections(set, isCompositeType(narrowed) ? narrowed : type, page, root)
    }
    for (const selection of selections)
      switch (selection.kind) {
        case Kind.FIELD: {
          const field =
            isObjectType(type) || isInterfaceType(type) ? type.getFields()[selection.name.value] : undefined
          if (field !== undefined) total = sum(total, ofField(selection, field, page, root))
          break
        }
        case Kind.INLINE_FRAGMENT:
          total = sum(total, conditional(selection.selectionSet, selection.typeCondition?.name.value))
          break
        case Kind.FRAGMENT_SPREAD: {
          const fragment = fragments.get(selection.name.value)
          if (fragment !== undefined)
            total = sum(total, conditional(fragment.selectionSet, fragment.typeCondition.name.value))
        }
      }
    return total
  }

  function ofField(
    node: FieldNode,
    field: GraphQLField<unknown, unknown>,
    page: Amount | undefined,
    root: boolean,
  ): Amount {
    const named = getNamedType(field.type)
    const isList = isListType(getNullableType(field.type))
    const sent = itemsSentTo(node, field)
    const own = itemsAskedOf(node, field) ?? (sent === 0 ? undefined : sent)
    const below =
      isCompositeType(named) && node.selectionSet
        ? sum(1, ofSelections(node.selectionSet, named, isList ? undefined : own))
        : Number(root)
    return sum(sent, isList ? product(own ?? page ?? assumedItems, below) : below)
  }

  function itemsAskedOf(node: FieldNode, { args }: GraphQLField<unknown, unknown>): Amount | undefined {
    const argument = args.find(({ name }) => slicing.has(name))
    if (argument === undefined) return undefined
    const value = node.arguments?.find(({ name }) => name.value === argument.name)?.value
    const fallback = sizeOf(argument.defaultValue)
    if (value === undefined) return fallback
    if (value.kind !== Kind.VARIABLE) return sizeOf(valueFromASTUntyped(value))
    const name = value.name.value
    const unsent = Object.hasOwn(defaults, name) ? sizeOf(defaults[name]) : fallback
    return (variables) => (Object.hasOwn(variables, name) ? sizeOf(variables[name]) : unsent)
  }

  const itemsSentTo = (node: FieldNode, { args }: GraphQLField<unknown, unknown>): Amount =>
    (node.arguments ?? []).reduce<Amount>((total, { name, value }) => {
      const argument = args.find((declared) => declared.name === name.value)
      return argument === undefined ? total : sum(total, itemsIn(value, argument.type, defaults))
    }, 0)

  const type = schema.getRootType(operation.operation)
  return type ? ofSelections(operation.selectionSet, type, undefined, true) : 0
}

// What is no number is refused when the variables are read.
const sizeOf = (value: unknown): number =>
  typeof value === 'number' ? Math.max(0, value) : value == null ? assumedItems : 0
