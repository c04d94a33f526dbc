import { Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql'

/** The size of a document: the deepest and widest of its operations, the sum of all else. */
export interface Measure {
  readonly depth: number
  readonly rootFields: number
  readonly aliases: number
  readonly directives: number
  readonly fields: number
}

const nothing: Measure = { depth: 0, rootFields: 0, aliases: 0, directives: 0, fields: 0 }

const sum = (a: Measure, b: Measure): Measure => ({
  depth: Math.max(a.depth, b.depth),
  rootFields: a.rootFields + b.rootFields,
  aliases: a.aliases + b.aliases,
  directives: a.directives + b.directives,
  fields: a.fields + b.fields,
})

/**
 * Measures a document that need not be valid. Each fragment is looked at once, whatever it would be spread out, so
 * that the time is that of reading the document.
 */
export function measure({ definitions }: DocumentNode): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  const measured = new Map<string, Measure>()

  function ofFragment(name: string): Measure {
    const known = measured.get(name)
    if (known !== undefined) return known
    // Fragments that contain themselves are not valid; until that is said they end here.
    measured.set(name, nothing)
    const fragment = fragments.get(name)
    const size = fragment === undefined ? nothing : ofSelections(fragment.selectionSet)
    const whole = { ...size, directives: size.directives + (fragment?.directives?.length ?? 0) }
    measured.set(name, whole)
    return whole
  }

  function ofSelections({ selections }: SelectionSetNode): Measure {
    let all: Measure = nothing
    for (const selection of selections) {
      const directives = selection.directives?.length ?? 0
      switch (selection.kind) {
        case Kind.FIELD: {
          const below = selection.selectionSet ? ofSelections(selection.selectionSet) : nothing
          all = sum(all, {
            // The schema is asked for by tools, in depths of their own; graphql-js bounds its lists.
            depth: selection.name.value.startsWith('__') ? 1 : below.depth + 1,
            rootFields: 1,
            aliases: below.aliases + (selection.alias ? 1 : 0),
            directives: below.directives + directives,
            fields: below.fields + 1,
          })
          break
        }
        case Kind.INLINE_FRAGMENT: {
          all = sum(all, withDirectives(ofSelections(selection.selectionSet), directives))
          break
        }
        case Kind.FRAGMENT_SPREAD:
          all = sum(all, withDirectives(ofFragment(selection.name.value), directives))
      }
    }
    return all
  }

  let whole: Measure = nothing
  for (const definition of definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      const size = ofSelections(definition.selectionSet)
      whole = {
        ...sum(whole, withDirectives(size, definition.directives?.length ?? 0)),
        rootFields: Math.max(whole.rootFields, size.rootFields),
      }
    }
  // Fragments that nothing spreads are validated, too.
  for (const name of fragments.keys())
    if (!measured.has(name)) whole = { ...sum(whole, ofFragment(name)), rootFields: whole.rootFields }
  return whole
}

const withDirectives = (size: Measure, directives: number): Measure =>
  directives === 0 ? size : { ...size, directives: size.directives + directives }
