import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { prefersHtml } from '../accept.ts'
import { readinessOf, type ReadinessChecks } from '../health.ts'
import { contentSecurityPolicy, landingPage, type Link } from './html.ts'

export interface LandingPageOptions {
  /** The page's title. */
  readonly title: string
  /** What this is and whom it is for. */
  readonly about: string
  /** Where to go from here, besides what every service has. */
  readonly links?: readonly Link[]
  /** What else is looked at to say whether all is well, by what it is called. */
  readonly parts?: () => ReadinessChecks
}

const commonLinks: readonly Link[] = [
  { href: '/docs', name: 'REST API', about: 'Every route, to read and to try (Swagger UI).' },
  { href: '/redoc', name: 'REST reference', about: 'The same routes, to read (ReDoc).' },
  { href: '/openapi.json', name: 'OpenAPI document', about: 'The same routes, for tools.' },
  { href: '/health/ready', name: 'Readiness', about: 'Whether it can do its work, for load balancers.' },
]

/** Answers a browser with a page; false when the request comes from something else. */
export type PageHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>

/** Whether this is a browser that opens an address, rather than a client of an API. */
export const wantsPage = ({ method, headers }: Pick<FastifyRequest, 'method' | 'headers'>): boolean =>
  (method === 'GET' || method === 'HEAD') && prefersHtml(headers.accept)

/**
 * `GET /` for browsers: what this service is, whether it is healthy, and where to go. All other clients find nothing
 * there, as a problem document.
 *
 * @returns the same page for other addresses
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
