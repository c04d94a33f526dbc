import { refuseAborted } from './deadline.ts'
import { nextTurn } from './event-loop.ts'

/**
 * Processes a list in chunks, one after the other, and yields to the event loop in between: a long list
 * neither blocks the loop nor uses more than one connection at a time.
 *
 * @param request its signal aborts the work before the next chunk; ignored when there is only one chunk
 * @returns the results of all chunks, in order
 * @throws QUERY_TOO_EXPENSIVE, SERVICE_UNAVAILABLE when aborted
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
