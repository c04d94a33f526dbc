import type { FastifyInstance } from 'fastify'
import { DomainError, singleFlight } from '@user-stats/core'
import { request } from 'undici'

const path = '/.well-known/erasure-receipt-keys.json'
/** Milliseconds. Keys are only ever added, so a cached set stays valid. */
const maxAge = 60_000
const timeout = 2_000

interface Fetched {
  readonly keySet: unknown
  readonly at: number
}

/**
 * `GET /.well-known/erasure-receipt-keys.json`: the public keys of erasure receipts, fetched from the users
 * service and served from the cache while that service is unavailable.
 */
export function registerReceiptKeys(app: FastifyInstance, { usersUrl }: { readonly usersUrl: string }): void {
  const url = new URL(path, usersUrl)
  let fetched: Fetched | undefined

  async function fetchKeys(): Promise<void> {
    const { statusCode, body } = await request(url, { headersTimeout: timeout, bodyTimeout: timeout })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`the key set endpoint answered with status ${String(statusCode)}`)
    fetched = { keySet: JSON.parse(text), at: performance.now() }
  }

  const refresh = singleFlight(fetchKeys)

  app.get(path, async (_request, reply) => {
    if (fetched === undefined || performance.now() - fetched.at > maxAge)
      await refresh().catch((error: unknown) => {
        if (fetched === undefined) throw new DomainError('SUBGRAPH_UNAVAILABLE', { cause: error })
      })
    return reply.header('cache-control', 'public, max-age=3600').send(fetched?.keySet)
  })
}
