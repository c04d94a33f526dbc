import type { FastifyInstance } from 'fastify'

/** A key set, as published (RFC 7517). */
interface PublishedKeys {
  readonly keySet: () => Promise<{ readonly keys: readonly object[] }>
}

/**
 * The public keys that verify access tokens, and those that verify receipts of erasures, published forever.
 */
export function registerKeySets(
  app: FastifyInstance,
  { tokens, receipts }: { readonly tokens: PublishedKeys; readonly receipts: PublishedKeys },
): void {
  const publish = (path: string, keys: PublishedKeys, maxAge: number) =>
    app.get(path, async (_request, reply) =>
      reply.header('cache-control', `public, max-age=${String(maxAge)}`).send(await keys.keySet()),
    )
  publish('/.well-known/jwks.json', tokens, 60)
  publish('/.well-known/erasure-receipt-keys.json', receipts, 3_600)
}
