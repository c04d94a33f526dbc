import { Kind, type GraphQLResolveInfo, type SelectionSetNode } from 'graphql'

/** Whether an operation asks for a field below the one that is resolved: `points.users`. */
export type Wanted = (path: string) => boolean

/**
 * What an operation asks for below a field, so that nothing else is counted. Directives are not looked at: what they
 * may leave out counts as wanted.
 */
export function wantedBy({
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
