import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'

const directory = join(import.meta.dirname, '../../generated/playground')

// Allows only what the page needs. The editor sets styles by script, hence 'unsafe-inline' there.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

let page: string | undefined

/**
 * Fastify plugin: serves the playground's scripts, styles and fonts under `/playground/assets/`.
 * The page itself stands at the GraphQL endpoint, whose route delegates to it:
 *
 *     app.get('/graphql', (request, reply) =>
 *       wantsPage(request) ? sendPlayground(reply) : graphql(request, reply))
 */
export async function registerPlayground(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: join(directory, 'assets'),
    prefix: '/playground/assets/',
    decorateReply: false,
    index: false,
    preCompressed: true,
    // File names contain a hash of the content.
    immutable: true,
    maxAge: '365d',
  })
}

/** Sends the playground's page. @throws Error before `npm run generate` has built it */
export function sendPlayground(reply: FastifyReply): FastifyReply {
  page ??= readFileSync(join(directory, 'index.html'), 'utf8')
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('cache-control', 'no-cache')
    .header('vary', 'Accept')
    .type('text/html; charset=utf-8')
    .send(page)
}
