import { Kind, type DefinitionNode, type DocumentNode, type InputValueDefinitionNode } from 'graphql'
import { analystView, type AnalystView } from './analyst-view.ts'

type ResolverMap = Readonly<Record<string, unknown>>

/** The parts of a subgraph. */
export interface SubgraphParts {
  readonly typeDefs: DocumentNode
  readonly resolvers: ResolverMap
}

/** A subgraph's schema for analysts: hidden members are removed, so that no operation can reach them. */
export function forAnalysts({ typeDefs, resolvers }: SubgraphParts): SubgraphParts {
  const view = analystView(typeDefs)
  return {
    typeDefs: { ...typeDefs, definitions: typeDefs.definitions.flatMap((node) => filtered(node, view)) },
    resolvers: Object.fromEntries(
      Object.entries(resolvers)
        .filter(([type]) => view.types.has(type))
        .map(([type, value]) => [type, resolversOf(type, value, view)]),
    ),
  }
}

function filtered(node: DefinitionNode, view: AnalystView): readonly DefinitionNode[] {
  if ('name' in node && node.name !== undefined && isType(node.kind) && !view.types.has(node.name.value))
    return []
  const inputs = (list: readonly InputValueDefinitionNode[] = []) => list.filter(view.hasInput)
  switch (node.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.OBJECT_TYPE_EXTENSION:
    case Kind.INTERFACE_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_EXTENSION: {
      const fields = (node.fields ?? [])
        .filter(({ name }) => view.hasField(node.name.value, name.value))
        .map((field) => ({ ...field, arguments: inputs(field.arguments) }))
      // A definition may be empty and filled by extensions; an empty extension adds nothing.
      const empty = fields.length === 0 && node.kind.endsWith('Extension')
      return empty ? [] : [{ ...node, fields }]
    }
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
    case Kind.INPUT_OBJECT_TYPE_EXTENSION:
      return [{ ...node, fields: inputs(node.fields) }]
    case Kind.UNION_TYPE_DEFINITION:
    case Kind.UNION_TYPE_EXTENSION:
      return [{ ...node, types: (node.types ?? []).filter(({ name }) => view.types.has(name.value)) }]
    default:
      return [node]
  }
}

const isType = (kind: Kind): boolean => kind.includes('Type')

/** Resolvers of the remaining fields. Scalars have none; references (`__resolveReference`) stay. */
function resolversOf(type: string, value: unknown, view: AnalystView): unknown {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => name.startsWith('__') || view.hasField(type, name)),
  )
}
