import { refuseAborted } from './deadline.ts'
import { nextTurn } from './event-loop.ts'

/**
 * Does work on a list a chunk at a time, one after the other, and lets the event loop take its turn between two: a long
 * list neither holds the loop nor takes more than one connection at once.
 *
 * @param request whose signal ends it before the next chunk; looked at only if there is more than one
 * @returns the results of all chunks, in their order
 * @throws QUERY_TOO_EXPENSIVE, SERVICE_UNAVAILABLE when it is aborted
 */
export async function inChunks<T, R>(
  items: readonly T[],
  size: number,
  work: (chunk: readonly T[]) => readonly R[] | Promise<readonly R[]>,
  request?: { readonly signal: AbortSignal },
): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) {
      await nextTurn()
      refuseAborted(request?.signal)
    }
    for (const result of await work(items.slice(from, from + size))) results.push(result)
  }
  return results
}
