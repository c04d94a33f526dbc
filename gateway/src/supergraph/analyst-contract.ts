import { analystView } from '@user-stats/graphql'
import {
  Kind,
  parse,
  print,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
} from 'graphql'

type View = ReturnType<typeof analystView>

const inaccessible: ConstDirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'inaccessible' },
}

interface Markable {
  readonly directives?: readonly ConstDirectiveNode[]
}

/** An element that clients cannot see. */
function hidden<T extends Markable>(node: T): T {
  const { directives = [] } = node
  return directives.some(({ name }) => name.value === 'inaccessible')
    ? node
    : { ...node, directives: [...directives, inaccessible] }
}

// What composition adds stands for the machinery of the gateway, not for the graph.
const isMachinery = (name: string): boolean => name.includes('__')

const inputsOf = (inputs: readonly InputValueDefinitionNode[] = [], view: View) =>
  inputs.map((input) => (view.hasInput(input) ? input : hidden(input)))

function fieldsOf(type: string, fields: readonly FieldDefinitionNode[] = [], view: View) {
  return fields.map((field) =>
    view.hasField(type, field.name.value)
      ? { ...field, arguments: inputsOf(field.arguments, view) }
      : hidden(field),
  )
}

function marked(node: DefinitionNode, view: View): DefinitionNode {
  if (!('name' in node) || node.name === undefined || isMachinery(node.name.value)) return node
  const name = node.name.value
  switch (node.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION:
      return view.types.has(name) ? { ...node, fields: fieldsOf(name, node.fields, view) } : hidden(node)
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      return view.types.has(name) ? { ...node, fields: inputsOf(node.fields, view) } : hidden(node)
    case Kind.SCALAR_TYPE_DEFINITION:
    case Kind.ENUM_TYPE_DEFINITION:
    case Kind.UNION_TYPE_DEFINITION:
      return view.types.has(name) ? node : hidden(node)
    default:
      return node
  }
}

const link = 'extend schema @link(url: "https://specs.apollo.dev/inaccessible/v0.2", for: SECURITY)'
const definition =
  'directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION'

/** The directive that hides, for supergraphs that hide nothing yet. */
const means = ({ definitions }: DocumentNode): readonly DefinitionNode[] =>
  definitions.some((node) => node.kind === Kind.DIRECTIVE_DEFINITION && node.name.value === 'inaccessible')
    ? []
    : parse(`${link}\n${definition}`).definitions

/**
 * Makes of a supergraph the one that analysts are served: the same, with all that its tags do not give to them
 * hidden. The gateway may still plan with what is hidden; nobody can ask for it.
 *
 * @returns undefined when nothing is for analysts
 */
export function toAnalystSupergraph(sdl: string): string | undefined {
  const document = parse(sdl, { noLocation: true })
  const view = analystView(document)
  if (!view.types.has('Query')) return undefined
  return print({
    ...document,
    definitions: [...document.definitions.map((node) => marked(node, view)), ...means(document)],
  })
}
