import type { FastifyInstance } from 'fastify'
import type { SigningKeys } from './signing-keys.ts'

/** `GET /.well-known/jwks.json`: the keys that verify access tokens. */
export function registerJwksRoute(app: FastifyInstance, keys: SigningKeys): void {
  app.get('/.well-known/jwks.json', async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=60').send(await keys.keySet()),
  )
}
