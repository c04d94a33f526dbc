import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { prefersHtml } from '../accept.ts'
import { readinessOf, type ReadinessChecks } from '../health.ts'
import { contentSecurityPolicy, landingPage, type Link } from './html.ts'

export interface LandingPageOptions {
  /** The page's title. */
  readonly title: string
  /** What the service is, and for whom. */
  readonly about: string
  /** Links in addition to those of every service. */
  readonly links?: readonly Link[]
  /** More readiness checks to show, by name. */
  readonly parts?: () => ReadinessChecks
}

const commonLinks: readonly Link[] = [
  { href: '/docs', name: 'REST API', about: 'Every route, to read and to try (Swagger UI).' },
  { href: '/redoc', name: 'REST reference', about: 'The same routes, to read (ReDoc).' },
  { href: '/openapi.json', name: 'OpenAPI document', about: 'The same routes, for tools.' },
  { href: '/health/ready', name: 'Readiness', about: 'Whether it can do its work, for load balancers.' },
]

/** Sends the page to a browser; returns false for other clients. */
export type PageHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean> | boolean

/** Whether the client is a browser opening the address, rather than an API client. */
export const wantsPage = ({ method, headers }: Pick<FastifyRequest, 'method' | 'headers'>): boolean =>
  (method === 'GET' || method === 'HEAD') && prefersHtml(headers.accept)

/**
 * `GET /` for browsers: what this service is, whether it is healthy, and links. All other clients get 404 as
 * a problem document.
 *
 * @returns a handler that serves the same page at other addresses
 */
export function registerLandingPage(
  app: FastifyInstance,
  { title, about, links = [], parts = () => ({}) }: LandingPageOptions,
): PageHandler {
  const handler: PageHandler = async (request, reply) => {
    if (!wantsPage(request)) return false
    const [own, other] = await Promise.all([app.readiness(), readinessOf(parts())])
    const readiness = {
      status: own.status === 'ok' ? other.status : own.status,
      checks: { ...own.checks, ...other.checks },
    }
    void reply
      .header('content-security-policy', contentSecurityPolicy)
      .header('cache-control', 'no-store')
      .header('vary', 'Accept')
      .type('text/html; charset=utf-8')
      .send(landingPage({ title, about, links: [...links, ...commonLinks], readiness }))
    return true
  }
  app.get('/', async (request, reply) => {
    if (!(await handler(request, reply))) throw new DomainError('NOT_FOUND')
    return reply
  })
  return handler
}
