import {
  Kind,
  type ConstDirectiveNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'
import type { DocumentLimits } from './limits.ts'

/** The size of a document: the maximum depth and width of its operations, and the sum of all else. */
export type Measure = Readonly<
  Record<Exclude<keyof DocumentLimits, 'characters' | 'tokens' | 'overlaps'>, number>
>

/** What is counted in a selection set. */
type Size = Omit<Measure, 'fragments' | 'operations'>

const nothing: Size = {
  depth: 0,
  nesting: 0,
  rootFields: 0,
  aliases: 0,
  directives: 0,
  fields: 0,
  values: 0,
}

const sum = (a: Size, b: Size): Size => ({
  depth: Math.max(a.depth, b.depth),
  nesting: Math.max(a.nesting, b.nesting),
  rootFields: a.rootFields + b.rootFields,
  aliases: a.aliases + b.aliases,
  directives: a.directives + b.directives,
  fields: a.fields + b.fields,
  values: a.values + b.values,
})

/** The values in arguments, the members of lists and objects included. */
export const valuesIn = (list: FieldNode['arguments'] = []): number =>
  list.reduce((total, { value }) => total + valuesOf(value), 0)

function valuesOf(value: ValueNode): number {
  switch (value.kind) {
    case Kind.LIST:
      return value.values.reduce((total, item) => total + valuesOf(item), 1)
    case Kind.OBJECT:
      return value.fields.reduce((total, member) => total + valuesOf(member.value), 1)
    default:
      return 1
  }
}

const ofDirectives = (directives: readonly (DirectiveNode | ConstDirectiveNode)[] = []): Size => ({
  ...nothing,
  directives: directives.length,
  values: directives.reduce((total, directive) => total + valuesIn(directive.arguments), 0),
})

const ofVariables = ({ variableDefinitions = [] }: OperationDefinitionNode): Size =>
  variableDefinitions.reduce(
    (all, { directives, defaultValue }) =>
      sum(sum(all, ofDirectives(directives)), {
        ...nothing,
        values: defaultValue ? valuesOf(defaultValue) : 0,
      }),
    nothing,
  )

/**
 * Measures a document, which may be invalid. Each fragment is visited once, however often it is spread, so
 * that the time is proportional to the document.
 */
export function measure({ definitions }: DocumentNode): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  /** Names of spread fragments, defined or not. */
  const measured = new Map<string, Size>()

  function ofFragment(name: string): Size {
    const known = measured.get(name)
    if (known !== undefined) return known
    // Cut recursive fragments here; validation reports them later.
    measured.set(name, nothing)
    const fragment = fragments.get(name)
    const size = fragment
      ? sum(ofDirectives(fragment.directives), ofSelections(fragment.selectionSet))
      : nothing
    measured.set(name, size)
    return size
  }

  function ofField({ name, alias, arguments: given, directives, selectionSet }: FieldNode): Size {
    const below = selectionSet ? ofSelections(selectionSet) : nothing
    return sum(ofDirectives(directives), {
      ...below,
      // Introspection has a depth limit of its own; graphql-js limits its lists.
      depth: name.value.startsWith('__') ? 1 : below.depth + 1,
      rootFields: 1,
      aliases: below.aliases + (alias ? 1 : 0),
      fields: below.fields + 1,
      values: below.values + valuesIn(given),
    })
  }

  function ofSelections({ selections }: SelectionSetNode): Size {
    let all = nothing
    for (const selection of selections)
      if (selection.kind === Kind.FIELD) all = sum(all, ofField(selection))
      else {
        const below =
          selection.kind === Kind.INLINE_FRAGMENT
            ? ofSelections(selection.selectionSet)
            : ofFragment(selection.name.value)
        all = sum(all, sum(ofDirectives(selection.directives), { ...below, fields: below.fields + 1 }))
      }
    return { ...all, nesting: all.nesting + 1 }
  }

  let whole = nothing
  let operations = 0
  for (const definition of definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      operations += 1
      const size = ofSelections(definition.selectionSet)
      const head = sum(ofDirectives(definition.directives), ofVariables(definition))
      whole = { ...sum(whole, sum(head, size)), rootFields: Math.max(whole.rootFields, size.rootFields) }
    }
  // Unused fragments are validated too.
  for (const name of fragments.keys())
    if (!measured.has(name)) whole = { ...sum(whole, ofFragment(name)), rootFields: whole.rootFields }
  return { fragments: measured.size, operations, ...whole }
}
