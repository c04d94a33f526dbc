import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { wantsPage } from '@user-stats/http'
import { basePathOf } from '../pages/base-path.ts'

const cookieName = 'user_stats_session'
/** Scripts of other origins cannot set it without a CORS preflight, which is not granted. */
export const csrfHeader = 'x-csrf-protection'

/** The access token in the session cookie, if any. */
export function sessionTokenOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const [name = '', value = ''] = pair.trim().split('=', 2)
    if (name === cookieName && value !== '') return value
  }
  return undefined
}

/** Sets the session cookie, which scripts cannot read and other sites cannot send, for so many seconds. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  maxAge: number,
): void {
  const attributes = [
    `${cookieName}=${token}`,
    `Path=${basePathOf(request)}`,
    `Max-Age=${String(maxAge)}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(request.protocol === 'https' ? ['Secure'] : []),
  ]
  void reply.header('set-cookie', attributes.join('; '))
}

export const clearSessionCookie = (request: FastifyRequest, reply: FastifyReply): void => {
  setSessionCookie(request, reply, '', 0)
}

/**
 * Whether the browser says that a page of this origin sent the request; without either header it is no
 * browser.
 */
function isSameOrigin({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const { origin } = headers
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

/**
 * @throws FORBIDDEN when another origin may have sent the request, see OWASP's "Cross-Site Request Forgery
 * Prevention"
 */
export function requireSameOrigin(request: FastifyRequest): void {
  if (!isSameOrigin(request))
    throw new DomainError('FORBIDDEN', { message: 'Sessions are for pages of this origin only.' })
}

/** @throws FORBIDDEN for requests that a page of another origin could have made the browser send */
export function requireCsrfProtection(request: FastifyRequest): void {
  requireSameOrigin(request)
  if (request.headers[csrfHeader] !== '1')
    throw new DomainError('FORBIDDEN', {
      message: 'A request with a session cookie needs the header X-CSRF-Protection: 1.',
    })
}

/**
 * Lets the session cookie stand for an Authorization header, which takes precedence. Must be registered
 * before authentication.
 */
export function registerSessionCookie(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { access } = request.routeOptions.config
    const token = sessionTokenOf(request)
    const unused = token === undefined || request.headers.authorization !== undefined
    if (unused || access === undefined || access === 'anonymous' || wantsPage(request)) {
      done()
      return
    }
    try {
      requireCsrfProtection(request)
    } catch (error) {
      done(error as Error)
      return
    }
    request.headers.authorization = `Bearer ${token}`
    done()
  })
}
