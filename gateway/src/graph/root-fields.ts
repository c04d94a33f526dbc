import { Kind, parse, type SelectionSetNode } from 'graphql'

/** The response names of an operation's root fields, in order. */
export function rootFieldsOf(query: string): string[] {
  const { definitions } = parse(query, { noLocation: true })
  const fragments = new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition.selectionSet]] : [],
    ),
  )
  const namesOf = (set: SelectionSetNode | undefined): string[] =>
    (set?.selections ?? []).flatMap((selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return [selection.alias?.value ?? selection.name.value]
        case Kind.INLINE_FRAGMENT:
          return namesOf(selection.selectionSet)
        case Kind.FRAGMENT_SPREAD:
          return namesOf(fragments.get(selection.name.value))
      }
    })
  const operation = definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  return [...new Set(namesOf(operation?.selectionSet))]
}
