import { Kind, type DocumentNode, type FieldNode, type SelectionSetNode } from 'graphql'
import { valuesIn } from './document-size.ts'

/**
 * Counts the comparisons that validation makes between fields with the same response name (the rule
 * `OverlappingFieldsCanBeMerged`): every two of them with their arguments and selections, and every two of
 * the fragments they spread.
 *
 * Takes time proportional to the fields with fragments expanded: call it only when these are known to be few.
 *
 * @param maximum counting stops above it
 */
export function countOverlaps({ definitions }: DocumentNode, maximum: number): number {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition.selectionSet)
  const spread = new Map<string, readonly FieldNode[]>()
  let count = 0

  function fieldsOfFragment(name: string): readonly FieldNode[] {
    const known = spread.get(name)
    if (known) return known
    // Cut recursive fragments here; validation reports them later.
    spread.set(name, [])
    const selections = fragments.get(name)
    const fields = selections ? fieldsOf(selections) : []
    spread.set(name, fields)
    return fields
  }

  function fieldsOf({ selections }: SelectionSetNode): readonly FieldNode[] {
    const fields: FieldNode[] = []
    for (const selection of selections)
      if (selection.kind === Kind.FIELD) fields.push(selection)
      else
        for (const field of selection.kind === Kind.INLINE_FRAGMENT
          ? fieldsOf(selection.selectionSet)
          : fieldsOfFragment(selection.name.value))
          fields.push(field)
    return fields
  }

  function countIn(sets: readonly SelectionSetNode[]): void {
    const byName = new Map<string, FieldNode[]>()
    for (const set of sets)
      for (const field of fieldsOf(set)) {
        const name = (field.alias ?? field.name).value
        const same = byName.get(name)
        if (same) same.push(field)
        else byName.set(name, [field])
      }
    for (const same of byName.values()) {
      count += comparisonsOf(same)
      if (count > maximum) return
      const below = same.flatMap(({ selectionSet }) => selectionSet ?? [])
      if (below.length > 0) countIn(below)
    }
  }

  for (const definition of definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) countIn([definition.selectionSet])
  // Unused fragments are validated too.
  for (const [name, selections] of fragments) if (!spread.has(name)) countIn([selections])
  return count
}

/** Every field is compared with every other one, and so are its arguments, selections and fragments. */
function comparisonsOf(same: readonly FieldNode[]): number {
  if (same.length === 1) return 0
  let contents = 0
  let spreads = 0
  let ownPairs = 0
  for (const { arguments: given, selectionSet } of same) {
    const own = selectionSet ? selectionsIn(selectionSet) : { all: 0, spreads: 0 }
    contents += valuesIn(given) + own.all
    spreads += own.spreads
    ownPairs += own.spreads ** 2
  }
  const pairs = (same.length * (same.length - 1)) / 2
  return pairs + (same.length - 1) * contents + (spreads ** 2 - ownPairs) / 2
}

/** The number of fields and spreads in a selection set, including its inline fragments. */
function selectionsIn({ selections }: SelectionSetNode): { all: number; spreads: number } {
  const count = { all: selections.length, spreads: 0 }
  for (const selection of selections)
    if (selection.kind === Kind.FRAGMENT_SPREAD) count.spreads += 1
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const { all, spreads } = selectionsIn(selection.selectionSet)
      count.all += all
      count.spreads += spreads
    }
  return count
}
