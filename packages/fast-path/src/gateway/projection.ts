import {
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type SelectionSetNode,
} from 'graphql'

/** Data of a subgraph's response. */
export type Data = Readonly<Record<string, unknown>>

/**
 * Reduces fetched data to what the client selected; undefined for null where the schema does not allow it.
 */
export type Projection = (value: unknown) => unknown

/** A response that the compiled plan cannot merge or project: the gateway's executor takes over. */
export class UnsupportedResponseError extends Error {}

/**
 * Compiles the projection of a selection of plain fields: drops members that were fetched only to find
 * entities, sets missing members to null, and propagates null to the nearest nullable field.
 *
 * @returns undefined for fragments, directives, abstract types, introspection fields and repeated response
 *   names
 */
export function compileProjection(
  type: GraphQLObjectType,
  { selections }: SelectionSetNode,
): Projection | undefined {
  const fields = new Map<string, Projection>()
  for (const selection of selections) {
    if (selection.kind !== Kind.FIELD || (selection.directives?.length ?? 0) > 0) return undefined
    const key = selection.alias?.value ?? selection.name.value
    const field = type.getFields()[selection.name.value]
    if (field === undefined || key.startsWith('__') || fields.has(key)) return undefined
    const project = projectType(field.type, selection.selectionSet)
    if (project === undefined) return undefined
    fields.set(key, project)
  }
  const list = [...fields]
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new UnsupportedResponseError()
    const projected: Record<string, unknown> = {}
    for (const [key, project] of list) {
      const member = project(Object.hasOwn(value, key) ? (value as Data)[key] : null)
      if (member === undefined) return undefined
      projected[key] = member
    }
    return projected
  }
}

function projectType(
  type: GraphQLOutputType,
  selection: SelectionSetNode | undefined,
): Projection | undefined {
  if (isNonNullType(type)) {
    const project = projectType(type.ofType, selection)
    return project && ((value) => project(value) ?? undefined)
  }
  const project = isListType(type) ? projectList(type.ofType, selection) : projectNamed(type, selection)
  return project && ((value) => (value === null || value === undefined ? null : (project(value) ?? null)))
}

function projectList(
  type: GraphQLOutputType,
  selection: SelectionSetNode | undefined,
): Projection | undefined {
  const project = projectType(type, selection)
  return (
    project &&
    ((value) => {
      if (!Array.isArray(value)) throw new UnsupportedResponseError()
      const projected = value.map(project)
      return projected.includes(undefined) ? undefined : projected
    })
  )
}

function projectNamed(
  type: GraphQLOutputType,
  selection: SelectionSetNode | undefined,
): Projection | undefined {
  if (isLeafType(type)) return (value) => value
  return isObjectType(type) && selection ? compileProjection(type, selection) : undefined
}
