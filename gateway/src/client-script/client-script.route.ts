import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { brotliCompressSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Pages of other origins may load it, and check it against a hash. */
const headers = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  vary: 'Accept-Encoding',
} as const

const read = () => {
  const script = readFileSync(createRequire(import.meta.url).resolve('@user-stats/client/client.js'))
  const hash = createHash('sha256').update(script).digest('base64url').slice(0, 16)
  return { script, compressed: brotliCompressSync(script), hash }
}

/**
 * `GET /client.js`: the client of `packages/client` as a script that sets `userStats`, cached for an hour;
 * and `GET /client-<hash>.js`, the same, cached for ever.
 */
export function registerClientScript(app: FastifyInstance): void {
  let built: ReturnType<typeof read> | undefined
  const send = (request: FastifyRequest, reply: FastifyReply, cacheControl: string): FastifyReply => {
    const { script, compressed, hash } = (built ??= read())
    void reply.headers(headers).header('cache-control', cacheControl).header('etag', `"${hash}"`)
    if (request.headers['if-none-match'] === `"${hash}"`) return reply.code(304).send()
    void reply.type('text/javascript; charset=utf-8')
    if (!/\bbr\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(script)
    return reply.header('content-encoding', 'br').send(compressed)
  }
  app.get('/client.js', (request, reply) =>
    send(request, reply, 'public, max-age=3600, stale-while-revalidate=86400'),
  )
  app.get<{ Params: { hash: string } }>('/client-:hash.js', (request, reply) => {
    built ??= read()
    // Another version's: the one there is, but not for ever.
    const current = request.params.hash === built.hash
    return send(request, reply, current ? 'public, max-age=31536000, immutable' : 'no-cache')
  })
}
