import { Kind, type DocumentNode, type FieldNode, type SelectionSetNode } from 'graphql'

/**
 * Pairs of fields that are answered under the same name at the same place. Whether they may be one is checked for
 * each pair (`OverlappingFieldsCanBeMerged`), and there are millions among a few thousand fields.
 *
 * Takes the time of the fields with fragments spread out: to be asked when these are known to be few.
 */
export function repeatsOf({ definitions }: DocumentNode): number {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition.selectionSet)
  const spread = new Map<string, readonly FieldNode[]>()

  function fieldsOfFragment(name: string): readonly FieldNode[] {
    const known = spread.get(name)
    if (known) return known
    // Fragments that contain themselves are not valid; until that is said they end here.
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

  function pairsIn(sets: readonly SelectionSetNode[]): number {
    const byName = new Map<string, FieldNode[]>()
    for (const set of sets)
      for (const field of fieldsOf(set)) {
        const name = (field.alias ?? field.name).value
        const same = byName.get(name)
        if (same) same.push(field)
        else byName.set(name, [field])
      }
    let pairs = 0
    for (const same of byName.values()) {
      const below = same.flatMap(({ selectionSet }) => selectionSet ?? [])
      pairs += (same.length * (same.length - 1)) / 2 + (below.length > 0 ? pairsIn(below) : 0)
    }
    return pairs
  }

  let pairs = 0
  for (const definition of definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) pairs += pairsIn([definition.selectionSet])
  // Fragments that nothing spreads are validated, too.
  for (const [name, selections] of fragments) if (!spread.has(name)) pairs += pairsIn([selections])
  return pairs
}
