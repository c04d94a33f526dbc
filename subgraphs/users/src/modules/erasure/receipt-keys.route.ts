import type { FastifyInstance } from 'fastify'
import type { ReceiptKeys } from './receipt-keys.ts'

/**
 * `GET /.well-known/erasure-receipt-keys.json`: the keys that verify receipts of erasures, published forever.
 */
export function registerReceiptKeysRoute(app: FastifyInstance, keys: ReceiptKeys): void {
  app.get('/.well-known/erasure-receipt-keys.json', async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=3600').send(await keys.keySet()),
  )
}
