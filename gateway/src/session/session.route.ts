import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { badInput, DomainError } from '@user-stats/core'
import type { GraphServer, MakeContext, RequestContext } from '@user-stats/graphql'
import { execute } from '@user-stats/rest'
import {
  clearSessionCookie,
  requireCsrfProtection,
  requireSameOrigin,
  sessionTokenOf,
  setSessionCookie,
} from './session-cookie.ts'

export interface SessionOptions {
  readonly server: GraphServer<RequestContext>
  readonly context: MakeContext
}

const authenticate = `mutation Authenticate($input: AuthenticateInput!) {
  authenticate(input: $input) { accessToken expiresIn }
}`
const findStore = 'query SessionStore($id: Int!) { store(id: $id) { name } }'

/**
 * Sessions of pages: `POST /session` exchanges an API key for a cookie with an access token, `GET` returns
 * whose session it is (204: nobody's), `DELETE` ends it. The key is not kept.
 */
export function registerSession(app: FastifyInstance, { server, context }: SessionOptions): void {
  async function readSession(request: FastifyRequest, reply: FastifyReply, token: string) {
    request.headers.authorization = `Bearer ${token}`
    const contextValue = await context(request, reply)
    const { caller } = contextValue
    const storeId = 'storeId' in caller ? (caller.storeId ?? null) : null
    // Also answers whether key and store are active. Stores may not look up names, not even their own.
    const store = await execute(server, { operation: findStore }, { id: storeId ?? 0 }, contextValue).catch(
      (error: unknown) => {
        if (error instanceof DomainError && error.code === 'FORBIDDEN') return { store: null }
        throw error
      },
    )
    return {
      role: caller.role,
      storeId,
      storeName: (store as { store: { name: string } | null }).store?.name ?? null,
      expiresAt: expiryOf(token),
    }
  }

  app.post('/session', { config: { access: 'anonymous' } }, async (request, reply) => {
    requireSameOrigin(request)
    const { apiKey } = (request.body ?? {}) as { apiKey?: unknown }
    if (typeof apiKey !== 'string' || apiKey === '' || apiKey.length > 1_024)
      throw badInput('apiKey', 'must be a string of 1 to 1024 characters')
    const data = await execute(
      server,
      { operation: authenticate, fields: { apiKey: 'apiKey' } },
      { input: { apiKey } },
      await context(request, reply),
    )
    const { accessToken, expiresIn } = (data as { authenticate: { accessToken: string; expiresIn: number } })
      .authenticate
    setSessionCookie(request, reply, accessToken, expiresIn)
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send(await readSession(request, reply, accessToken))
  })

  app.get('/session', { exposeHeadRoute: false }, async (request, reply) => {
    void reply.header('cache-control', 'no-store')
    const token = sessionTokenOf(request)
    if (token === undefined) return await reply.code(204).send()
    requireCsrfProtection(request)
    try {
      return await reply.send(await readSession(request, reply, token))
    } catch (error) {
      if (!(error instanceof DomainError && hasEnded(error))) throw error
      clearSessionCookie(request, reply)
      return await reply.code(204).send()
    }
  })

  app.delete('/session', async (request, reply) => {
    requireCsrfProtection(request)
    clearSessionCookie(request, reply)
    return reply.code(204).send()
  })
}

/** Whether the token, its key or its store is no longer accepted. */
const hasEnded = ({ code }: DomainError): boolean =>
  ['TOKEN_INVALID', 'TOKEN_EXPIRED', 'KEY_REVOKED', 'STORE_BLOCKED', 'UNAUTHENTICATED'].includes(code)

/** The expiry of a token that has been verified. */
function expiryOf(token: string): string {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  const { exp } = JSON.parse(payload) as { exp: number }
  return new Date(exp * 1_000).toISOString()
}
