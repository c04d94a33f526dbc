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

/** Adds `@inaccessible`: the gateway's planner sees the element, clients do not. */
function hide<T extends Markable>(node: T): T {
  const { directives = [] } = node
  return directives.some(({ name }) => name.value === 'inaccessible')
    ? node
    : { ...node, directives: [...directives, inaccessible] }
}

// Composition adds types and directives such as `join__Graph` for the planner.
const isForPlanner = (name: string): boolean => name.includes('__')

const hideInputs = (inputs: readonly InputValueDefinitionNode[] = [], view: View) =>
  inputs.map((input) => (view.hasInput(input) ? input : hide(input)))

function hideFields(type: string, fields: readonly FieldDefinitionNode[] = [], view: View) {
  return fields.map((field) =>
    view.hasField(type, field.name.value)
      ? { ...field, arguments: hideInputs(field.arguments, view) }
      : hide(field),
  )
}

function hideFromAnalysts(node: DefinitionNode, view: View): DefinitionNode {
  if (!('name' in node) || node.name === undefined || isForPlanner(node.name.value)) return node
  const name = node.name.value
  switch (node.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION:
      return view.types.has(name) ? { ...node, fields: hideFields(name, node.fields, view) } : hide(node)
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      return view.types.has(name) ? { ...node, fields: hideInputs(node.fields, view) } : hide(node)
    case Kind.SCALAR_TYPE_DEFINITION:
    case Kind.ENUM_TYPE_DEFINITION:
    case Kind.UNION_TYPE_DEFINITION:
      return view.types.has(name) ? node : hide(node)
    default:
      return node
  }
}

const link = 'extend schema @link(url: "https://specs.apollo.dev/inaccessible/v0.2", for: SECURITY)'
const definition =
  'directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION'

/** The definition of `@inaccessible`, for supergraphs that do not use it yet. */
const missingDefinitions = ({ definitions }: DocumentNode): readonly DefinitionNode[] =>
  definitions.some((node) => node.kind === Kind.DIRECTIVE_DEFINITION && node.name.value === 'inaccessible')
    ? []
    : parse(`${link}\n${definition}`).definitions

/**
 * Derives the supergraph of analysts: every element without their tag is `@inaccessible`. The planner may
 * still use such elements; clients cannot.
 *
 * @returns undefined when no query is tagged for analysts
 */
export function toAnalystSupergraph(sdl: string): string | undefined {
  const document = parse(sdl, { noLocation: true })
  const view = analystView(document)
  if (!view.types.has('Query')) return undefined
  return print({
    ...document,
    definitions: [
      ...document.definitions.map((node) => hideFromAnalysts(node, view)),
      ...missingDefinitions(document),
    ],
  })
}
