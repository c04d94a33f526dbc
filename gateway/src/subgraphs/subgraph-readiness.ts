import type { Pool } from 'undici'

/** Milliseconds for which a result is reused, so that concurrent checks send one request. */
const maxAge = 1_000
const timeout = 1_500

/** Checks whether a subgraph is ready, with these headers; the check rejects when it is not. */
export function createReadinessProbe(
  pool: Pool,
  headers: Readonly<Record<string, string>> = {},
): () => Promise<void> {
  let last: { readonly at: number; readonly result: Promise<void> } | undefined
  return () => {
    const now = performance.now()
    if (last === undefined || now - last.at > maxAge) last = { at: now, result: probe(pool, headers) }
    return last.result
  }
}

async function probe(pool: Pool, headers: Readonly<Record<string, string>>): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: 'GET',
    path: '/health/ready',
    headers,
    signal: AbortSignal.timeout(timeout),
  })
  await body.dump()
  // Other subgraph servers may have no such route: any answer counts.
  if (statusCode >= 500) throw new Error(`the subgraph answered ${String(statusCode)}`)
}
