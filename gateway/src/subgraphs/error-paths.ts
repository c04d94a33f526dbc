import { Kind, parse, type SelectionSetNode } from 'graphql'

type Path = readonly (string | number)[]

/**
 * Where in the answer the fields stand that a subgraph is asked for: root fields by their response names, those of
 * entities at the first of the entities (`_entities`, 0, …).
 */
export function pathsOfFetchedFields(query: string): Path[] {
  const { definitions } = parse(query, { noLocation: true })
  const fragments = new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition.selectionSet]] : [],
    ),
  )
  const fieldsOf = (set: SelectionSetNode | undefined) =>
    (set?.selections ?? []).flatMap((selection): { name: string; set: SelectionSetNode | undefined }[] => {
      switch (selection.kind) {
        case Kind.FIELD:
          return selection.name.value === '__typename'
            ? []
            : [{ name: (selection.alias ?? selection.name).value, set: selection.selectionSet }]
        case Kind.INLINE_FRAGMENT:
          return fieldsOf(selection.selectionSet)
        case Kind.FRAGMENT_SPREAD:
          return fieldsOf(fragments.get(selection.name.value))
      }
    })
  const namesOf = (set: SelectionSetNode | undefined): string[] => [
    ...new Set(fieldsOf(set).map(({ name }) => name)),
  ]

  const operation = definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  const entities = fieldsOf(operation?.selectionSet).find(({ name }) => name === '_entities')
  return entities === undefined
    ? namesOf(operation?.selectionSet).map((name) => [name])
    : namesOf(entities.set).map((name) => ['_entities', 0, name])
}
