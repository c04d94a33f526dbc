import type { Pool } from 'undici'

/** Milliseconds for which an answer holds: however many ask, a subgraph is asked once in that time. */
const maxAge = 1_000
const timeout = 1_500

/** Asks a subgraph whether it is ready; rejects when it is not. */
export function createReadinessProbe(pool: Pool): () => Promise<void> {
  let last: { readonly at: number; readonly result: Promise<void> } | undefined
  return () => {
    const now = performance.now()
    if (last === undefined || now - last.at > maxAge) last = { at: now, result: probe(pool) }
    return last.result
  }
}

async function probe(pool: Pool): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: 'GET',
    path: '/health/ready',
    signal: AbortSignal.timeout(timeout),
  })
  await body.dump()
  // Subgraphs of other makers may have no such route; that they answer is all that is known of them.
  if (statusCode >= 500) throw new Error(`the subgraph answered ${String(statusCode)}`)
}
