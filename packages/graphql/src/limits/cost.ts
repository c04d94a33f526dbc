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
import { product, sum, type CostExpression, type Variables } from './cost-expression.ts'
import { listSizes } from './list-sizes.ts'
import { itemsIn, type Defaults } from './list-inputs.ts'

/** Arguments that limit the number of items. */
const slicing = new Set(['first', 'last', 'limit'])
/** Assumed length of a list without such an argument. */
const assumedItems = 50

/** Values of an object that count as one: aliases can repeat values without limit. */
const valuesOfObject = 10

/** The size of a nested list, if known. */
type Sizes = (list: string) => CostExpression | undefined

/** The context of a selection set. */
interface Within {
  /** Items of the page that contains it. */
  readonly page?: CostExpression | undefined
  readonly sizes?: Sizes | undefined
  /** Whether it is the operation's own. */
  readonly root?: boolean
}

export interface CostOptions {
  readonly schema: GraphQLSchema
  /** Validated and within the document limits: fragments are visited each time they are spread. */
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
}

/**
 * The cost of an operation: one for each root field, one for each item of a list in its input, and one per
 * ten values of an object in the response, at least one; introspection is free. A list multiplies the cost of
 * its items: by `first`, `last` or `limit` of the field or of the connection it belongs to, by what
 * `listSizes` computes, by the number of items in the input of either, or by 50. Based on IBM's GraphQL Cost
 * Directive Specification, by convention instead of directives.
 *
 * @returns a number when the cost does not depend on variables
 */
export function compileCost({ schema, document, operation }: CostOptions): CostExpression {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  const defaults: Defaults = Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
    ),
  )

  /** The cost of an object: itself, by its values, and the objects below it. */
  function ofObject(set: SelectionSetNode, type: GraphQLCompositeType, within: Within): CostExpression {
    const values = new Set<string>()
    const below = ofSelections(set, type, within, values)
    return sum(Math.max(1, Math.ceil(values.size / valuesOfObject)), below)
  }

  /** @param values collects the response names of values */
  function ofSelections(
    { selections }: SelectionSetNode,
    type: GraphQLCompositeType,
    within: Within,
    values: Set<string>,
  ): CostExpression {
    const conditional = (set: SelectionSetNode, condition: string | undefined): CostExpression => {
      const narrowed = condition === undefined ? type : schema.getType(condition)
      return ofSelections(set, isCompositeType(narrowed) ? narrowed : type, within, values)
    }
    return selections.reduce<CostExpression>((total, selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return sum(total, ofField(selection, type, within, values))
        case Kind.INLINE_FRAGMENT:
          return sum(total, conditional(selection.selectionSet, selection.typeCondition?.name.value))
        case Kind.FRAGMENT_SPREAD: {
          const fragment = fragments.get(selection.name.value)
          return fragment === undefined
            ? total
            : sum(total, conditional(fragment.selectionSet, fragment.typeCondition.name.value))
        }
      }
    }, 0)
  }

  function ofField(
    node: FieldNode,
    parent: GraphQLCompositeType,
    { page, sizes, root }: Within,
    values: Set<string>,
  ): CostExpression {
    const { name, alias, selectionSet } = node
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name.value] : undefined
    if (field === undefined) return 0
    const type = getNamedType(field.type)
    const isList = isListType(getNullableType(field.type))
    const sent = itemsSentTo(node, field)
    const own = requestedItemsOf(node, field) ?? (sent === 0 ? undefined : sent)
    if (!isCompositeType(type) || selectionSet === undefined) {
      values.add((alias ?? name).value)
      return sum(sent, Number(root === true))
    }
    const below = ofObject(selectionSet, type, {
      page: isList ? undefined : own,
      sizes: sizesBelow(node, field, parent) ?? sizes,
    })
    const known = sizes?.(name.value)
    return sum(sent, product(known ?? (isList ? (own ?? page ?? assumedItems) : 1), below))
  }

  /** The sizes of lists below a field, for fields that determine them. */
  function sizesBelow(
    { arguments: nodes = [] }: FieldNode,
    { name, args }: GraphQLField<unknown, unknown>,
    parent: GraphQLCompositeType,
  ): Sizes | undefined {
    const compute = listSizes[`${parent.name}.${name}`]
    if (compute === undefined) return undefined
    const given = new Map(nodes.map((node) => [node.name.value, node.value]))
    const argumentsAt = (variables: Variables): Record<string, unknown> =>
      Object.fromEntries(
        args.map(({ name, defaultValue }) => {
          const value = given.get(name)
          const sent = value && valueFromASTUntyped(value, { ...defaults, ...variables })
          return [name, sent === undefined ? defaultValue : sent]
        }),
      )
    const known = Object.keys(compute({}))
    return (list) =>
      known.includes(list) ? (variables) => compute(argumentsAt(variables))[list] ?? 0 : undefined
  }

  function requestedItemsOf(
    node: FieldNode,
    { args }: GraphQLField<unknown, unknown>,
  ): CostExpression | undefined {
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

  const itemsSentTo = (node: FieldNode, { args }: GraphQLField<unknown, unknown>): CostExpression =>
    (node.arguments ?? []).reduce<CostExpression>((total, { name, value }) => {
      const argument = args.find((declared) => declared.name === name.value)
      return argument === undefined ? total : sum(total, itemsIn(value, argument.type, defaults))
    }, 0)

  const type = schema.getRootType(operation.operation)
  return type ? ofSelections(operation.selectionSet, type, { root: true }, new Set()) : 0
}

// An invalid number is refused when the variables are coerced.
const sizeOf = (value: unknown): number =>
  typeof value === 'number' ? Math.max(0, value) : value == null ? assumedItems : 0
