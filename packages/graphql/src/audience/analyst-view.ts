import {
  Kind,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
  type TypeNode,
} from 'graphql'

/** The part of a graph that callers with the role ANALYST are served. */
export interface AnalystView {
  /** Types, without the built-in ones. */
  readonly types: ReadonlySet<string>
  /** Whether a field of an object type, interface or input type is included. */
  readonly hasField: (type: string, field: string) => boolean
  /** Whether an argument of an included field, or a member of an included input type, is included. */
  readonly hasInput: (input: InputValueDefinitionNode) => boolean
}

interface Described {
  readonly directives?: readonly ConstDirectiveNode[]
}

/** The names of an element's tags (`@tag(name: …)` of Apollo Federation). */
export const tagsOf = ({ directives = [] }: Described): readonly string[] =>
  directives
    .filter(({ name }) => name.value === 'tag')
    .flatMap(({ arguments: given = [] }) => given)
    .flatMap(({ value }) => (value.kind === Kind.STRING ? [value.value] : []))

const isInaccessible = ({ directives = [] }: Described): boolean =>
  directives.some(({ name }) => name.value === 'inaccessible')

/** Fields are included only when their SDL is tagged so: untagged fields are withheld. */
const isShown = (field: FieldDefinitionNode): boolean =>
  tagsOf(field).includes('analyst') && !isInaccessible(field)

/** Arguments and members of input types are included with their parent, unless tagged as withheld. */
const isTaken = (input: InputValueDefinitionNode): boolean =>
  !tagsOf(input).includes('withheld') && !isInaccessible(input)

const nameOf = (type: TypeNode): string =>
  type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type)

/** Definitions and extensions of types, merged by name. */
function typesOf(document: DocumentNode) {
  const fields = new Map<string, FieldDefinitionNode[]>()
  const inputs = new Map<string, InputValueDefinitionNode[]>()
  const members = new Map<string, string[]>()
  const entities = new Set<string>()
  const add = <T>(map: Map<string, T[]>, name: string, more: readonly T[]) =>
    map.set(name, [...(map.get(name) ?? []), ...more])
  for (const node of document.definitions)
    switch (node.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.OBJECT_TYPE_EXTENSION:
        for (const { name } of node.interfaces ?? []) add(members, name.value, [node.name.value])
        if (node.directives?.some(({ name }) => name.value === 'key')) entities.add(node.name.value)
        add(fields, node.name.value, node.fields ?? [])
        break
      case Kind.INTERFACE_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_EXTENSION:
        add(fields, node.name.value, node.fields ?? [])
        break
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      case Kind.INPUT_OBJECT_TYPE_EXTENSION:
        add(inputs, node.name.value, node.fields ?? [])
        break
      case Kind.UNION_TYPE_DEFINITION:
      case Kind.UNION_TYPE_EXTENSION:
        add(
          members,
          node.name.value,
          (node.types ?? []).map(({ name }) => name.value),
        )
        break
      default:
    }
  return { fields, inputs, members, entities }
}

/**
 * Determines the part of a subgraph or supergraph that analysts are served: fields with `@tag(name:
 * "analyst")`, the types they return, and their arguments.
 */
export function analystView(document: DocumentNode): AnalystView {
  const { fields, inputs, members, entities } = typesOf(document)
  const shown = new Map([...fields].map(([type, list]) => [type, list.filter(isShown)]))
  const types = new Set<string>()

  function reach(type: string): void {
    if (types.has(type) || shown.get(type)?.length === 0) return
    types.add(type)
    for (const field of shown.get(type) ?? []) {
      reach(nameOf(field.type))
      for (const argument of (field.arguments ?? []).filter(isTaken)) reach(nameOf(argument.type))
    }
    for (const input of (inputs.get(type) ?? []).filter(isTaken)) reach(nameOf(input.type))
    for (const member of members.get(type) ?? []) reach(member)
  }
  for (const root of ['Query', 'Mutation', 'Subscription']) if (fields.has(root)) reach(root)
  // Entities of a subgraph are also fetched by reference.
  for (const entity of entities) reach(entity)

  return {
    types,
    hasField: (type, field) => (shown.get(type) ?? []).some(({ name }) => name.value === field),
    hasInput: isTaken,
  }
}
