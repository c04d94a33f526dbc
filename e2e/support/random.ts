import { createHash } from 'node:crypto'

/** Numbers from 0 to below 1, decided by a seed. */
export function createRandom(seed: number): () => number {
  let n = 0
  return () => {
    n += 1
    return (
      createHash('sha256')
        .update(`${String(seed)} ${String(n)}`)
        .digest()
        .readUInt32BE() / 4_294_967_296
    )
  }
}
