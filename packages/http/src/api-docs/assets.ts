import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

const types = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
} as const

/**
 * Serves one file from memory and returns its URL. The URL contains a hash of the content, so the file may be
 * cached forever; it is compressed once, on the first request.
 */
export function serveAsset(
  app: FastifyInstance,
  folder: string,
  name: string,
  content: string | Buffer,
): string {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12)
  const url = `${folder}/${hash}/${name}`
  const extension = name.slice(name.lastIndexOf('.') + 1) as keyof typeof types
  let compressed: Promise<Buffer> | undefined
  app.get(url, async (request, reply) => {
    void reply
      .type(types[extension])
      .header('cache-control', 'public, max-age=31536000, immutable')
      .header('vary', 'Accept-Encoding')
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return content
    compressed ??= promisify(gzip)(content)
    void reply.header('content-encoding', 'gzip')
    return compressed
  })
  return url
}
