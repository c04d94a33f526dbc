import { Kind, type GraphQLResolveInfo, type SelectionSetNode } from 'graphql'

/** Whether an operation selects a field below the resolved one: `points.users`. */
export type Wanted = (path: string) => boolean

/**
 * The fields that an operation selects below the resolved one, so that nothing else is computed. Directives
 * are ignored: fields they may skip count as requested.
 */
export function requestedFields({
  fieldNodes,
  fragments,
}: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>): Wanted {
  const paths = new Set<string>()
  const visit = (set: SelectionSetNode | undefined, prefix: string): void => {
    for (const node of set?.selections ?? [])
      if (node.kind === Kind.FIELD) {
        const path = `${prefix}${node.name.value}`
        paths.add(path)
        visit(node.selectionSet, `${path}.`)
      } else
        visit(
          node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : fragments[node.name.value]?.selectionSet,
          prefix,
        )
  }
  for (const node of fieldNodes) visit(node.selectionSet, '')
  return (path) => paths.has(path)
}
