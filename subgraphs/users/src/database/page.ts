import { badInput } from '@user-stats/core'

const maxFirst = 10_000

/** The requested part of a list. */
export interface PageRequest {
  readonly first: number
  readonly after?: string | null | undefined
}

/** Rows of a list, and whether more follow. */
export interface Page<T> {
  readonly rows: readonly T[]
  readonly hasNextPage: boolean
}

/** @throws BAD_USER_INPUT */
export function requireFirst(first: number): number {
  if (first < 0 || first > maxFirst)
    throw badInput('first', `must be between 0 and ${maxFirst.toLocaleString('en')}`)
  return first
}

/** An opaque cursor for a row's id. */
export const toCursor = (id: string | number | bigint): string =>
  Buffer.from(String(id)).toString('base64url')

/**
 * The id of a cursor.
 *
 * @throws BAD_USER_INPUT when it is not one of ours
 */
export function fromCursor(cursor: string, accepts: (id: string) => boolean): string {
  const id = Buffer.from(cursor, 'base64url').toString()
  if (!accepts(id) || toCursor(id) !== cursor) throw badInput('after', 'is not a cursor of this list')
  return id
}

/** A page from rows of which one more than requested was read. */
export const toPage = <T>(rows: readonly T[], first: number): Page<T> => ({
  rows: rows.slice(0, first),
  hasNextPage: rows.length > first,
})

/** A page as a connection. */
export function toConnection<T extends { readonly id: string | number | bigint }>({
  rows,
  hasNextPage,
}: Page<T>) {
  const edges = rows.map((node) => ({ cursor: toCursor(node.id), node }))
  return { edges, nodes: rows, pageInfo: { endCursor: edges.at(-1)?.cursor ?? null, hasNextPage } }
}
