import { createPublicKey, type KeyObject } from 'node:crypto'
import { request } from 'undici'
import { z } from 'zod'
import { DomainError } from '../errors/domain-error.ts'
import { singleFlight } from '../resilience/single-flight.ts'
import type { KeySource } from './tokens.ts'

const jwks = z.object({
  keys: z
    .array(z.looseObject({ kid: z.string().min(1).max(64), kty: z.literal('RSA'), use: z.literal('sig') }))
    .max(100),
})

export interface JwksOptions {
  /** The path under which the users service publishes its key set. */
  readonly url: string
  readonly clock?: () => number
  /** Milliseconds after which the set is refreshed in the background. */
  readonly maxAge?: number
  /**
   * Minimum milliseconds between fetches for unknown key ids, so that anonymous callers cannot trigger more.
   */
  readonly cooldown?: number
}

/**
 * Caches the public keys of the users service, so that verification continues while that service is down. An
 * unknown key id triggers at most one fetch per cooldown.
 */
export function createJwksSource({
  url,
  clock = Date.now,
  maxAge = 300_000,
  cooldown = 2_000,
}: JwksOptions): KeySource {
  let keys = new Map<string, KeyObject>()
  let fetchedAt = -Infinity
  let triedAt = -Infinity
  let failed = false

  async function fetchKeys(): Promise<void> {
    try {
      const response = await request(url, { headersTimeout: 2_000, bodyTimeout: 2_000 })
      if (response.statusCode !== 200) throw new Error(`key set answered ${String(response.statusCode)}`)
      const set = jwks.parse(await response.body.json())
      keys = new Map(set.keys.map(({ kid, ...key }) => [kid, createPublicKey({ key, format: 'jwk' })]))
      fetchedAt = clock()
      failed = false
    } catch {
      failed = true
    } finally {
      triedAt = clock()
    }
  }

  const refresh = singleFlight(fetchKeys)

  return {
    async find(kid) {
      const known = keys.get(kid)
      if (known !== undefined) {
        if (clock() - fetchedAt > maxAge && clock() - triedAt > cooldown) void refresh()
        return known
      }
      if (clock() - triedAt > cooldown) await refresh()
      const found = keys.get(kid)
      if (found === undefined && failed)
        throw new DomainError('SERVICE_UNAVAILABLE', {
          message: 'Access tokens cannot be verified now: the users service is away. Try again soon.',
        })
      return found
    },
  }
}
