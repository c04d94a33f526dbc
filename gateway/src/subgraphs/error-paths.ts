import { Kind, parse, type SelectionSetNode } from 'graphql'

type Path = readonly (string | number)[]

/**
 * The response paths of the fields that a subgraph's document selects: response names of root fields, or
 * those of entity fields below the first entity (`_entities`, 0, …).
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
  const responseNames = (set: SelectionSetNode | undefined): string[] => [
    ...new Set(fieldsOf(set).map(({ name }) => name)),
  ]

  const operation = definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  const entities = fieldsOf(operation?.selectionSet).find(({ name }) => name === '_entities')
  return entities === undefined
    ? responseNames(operation?.selectionSet).map((name) => [name])
    : responseNames(entities.set).map((name) => ['_entities', 0, name])
}
