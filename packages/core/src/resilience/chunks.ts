import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Does work on a list a chunk at a time, one after the other, and lets the event loop take its turn between two: a long
 * list neither holds the loop nor takes more than one connection at once.
 *
 * @returns the results of all chunks, in their order
 */
export async function inChunks<T, R>(
  items: readonly T[],
  size: number,
  work: (chunk: readonly T[]) => readonly R[] | Promise<readonly R[]>,
): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await nextTurn()
    for (const result of await work(items.slice(from, from + size))) results.push(result)
  }
  return results
}
