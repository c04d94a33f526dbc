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

/** Data as a subgraph answers it. */
export type Data = Readonly<Record<string, unknown>>

/** Makes what a client is given of what the subgraphs have answered; undefined where it may not be null but is. */
export type Shape = (value: unknown) => unknown

/** Something that no answer for this operation should hold. */
export class Unexpected extends Error {}

/**
 * Compiles the shape of a selection of plain fields: what was fetched only to find entities is left out, what is
 * missing is null, and null goes up to where it may stand.
 *
 * @returns undefined for what it cannot shape: fragments, directives, abstract types, a key that stands twice
 */
export function shapeOfSelection(
  type: GraphQLObjectType,
  { selections }: SelectionSetNode,
): Shape | undefined {
  const fields = new Map<string, Shape>()
  for (const selection of selections) {
    if (selection.kind !== Kind.FIELD || (selection.directives?.length ?? 0) > 0) return undefined
    const key = selection.alias?.value ?? selection.name.value
    const field = type.getFields()[selection.name.value]
    if (field === undefined || key.startsWith('__') || fields.has(key)) return undefined
    const shape = shapeOfType(field.type, selection.selectionSet)
    if (shape === undefined) return undefined
    fields.set(key, shape)
  }
  const list = [...fields]
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unexpected()
    const shaped: Record<string, unknown> = {}
    for (const [key, shape] of list) {
      const member = shape(Object.hasOwn(value, key) ? (value as Data)[key] : null)
      if (member === undefined) return undefined
      shaped[key] = member
    }
    return shaped
  }
}

function shapeOfType(type: GraphQLOutputType, selection: SelectionSetNode | undefined): Shape | undefined {
  if (isNonNullType(type)) {
    const shape = shapeOfType(type.ofType, selection)
    return shape && ((value) => shape(value) ?? undefined)
  }
  const shape = isListType(type) ? shapeOfList(type.ofType, selection) : shapeOfOne(type, selection)
  return shape && ((value) => (value === null || value === undefined ? null : (shape(value) ?? null)))
}

function shapeOfList(type: GraphQLOutputType, selection: SelectionSetNode | undefined): Shape | undefined {
  const shape = shapeOfType(type, selection)
  return (
    shape &&
    ((value) => {
      if (!Array.isArray(value)) throw new Unexpected()
      const shaped = value.map(shape)
      return shaped.includes(undefined) ? undefined : shaped
    })
  )
}

function shapeOfOne(type: GraphQLOutputType, selection: SelectionSetNode | undefined): Shape | undefined {
  if (isLeafType(type)) return (value) => value
  return isObjectType(type) && selection ? shapeOfSelection(type, selection) : undefined
}
