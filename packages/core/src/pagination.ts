import { badInput } from './errors/domain-error.ts'

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
export function requireFirst(first: number, max = 10_000): number {
  if (first < 0 || first > max) throw badInput('first', `must be between 0 and ${max.toLocaleString('en')}`)
  return first
}

/** An opaque cursor for the position of a row. */
export const toCursor = (position: string): string => Buffer.from(position).toString('base64url')

/**
 * The position of a cursor.
 *
 * @throws BAD_USER_INPUT when it is not one of ours
 */
export function fromCursor(cursor: string, accepts: (position: string) => boolean): string {
  const position = Buffer.from(cursor, 'base64url').toString()
  if (!accepts(position) || toCursor(position) !== cursor)
    throw badInput('after', 'must be the endCursor of an earlier page')
  return position
}

/** A page from rows of which one more than requested was read. */
export const toPage = <T>(rows: readonly T[], first: number): Page<T> => ({
  rows: rows.slice(0, first),
  hasNextPage: rows.length > first,
})

const idOf = ({ id }: { readonly id: string | number | bigint }): string => String(id)

/** A page as a connection. @param positionOf the position of a row in the list, by default its id */
export function toConnection<T extends { readonly id: string | number | bigint }>(
  { rows, hasNextPage }: Page<T>,
  positionOf: (row: T) => string = idOf,
) {
  const edges = rows.map((node) => ({ cursor: toCursor(positionOf(node)), node }))
  return { edges, nodes: rows, pageInfo: { endCursor: edges.at(-1)?.cursor ?? null, hasNextPage } }
}
