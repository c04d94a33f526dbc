import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'

/** Allows only what the pages need. Editor and charts set styles by script, hence 'unsafe-inline' there. */
const contentSecurityPolicy = (baseUri: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    `base-uri ${baseUri}`,
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** Serves the scripts, styles and fonts of a built page, whose names contain a hash of their content. */
export async function registerAssets(app: FastifyInstance, root: string, prefix: string): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    prefix,
    decorateReply: false,
    index: false,
    preCompressed: true,
    immutable: true,
    maxAge: '365d',
  })
}

/** Sends a built page. @param baseUri where its `<base>` may point, in the form of a content security policy */
export const sendBuiltPage = (
  reply: FastifyReply,
  page: string,
  baseUri: "'none'" | "'self'",
): FastifyReply =>
  reply
    .header('content-security-policy', contentSecurityPolicy(baseUri))
    .header('cache-control', 'no-cache')
    .header('vary', 'Accept')
    .type('text/html; charset=utf-8')
    .send(page)
