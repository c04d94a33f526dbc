import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { buildSchema, graphql } from 'graphql'
import { wantsPage } from '@user-stats/http'
import { registerPlayground, sendPlayground } from '../../src/pages/playground.ts'

/** The only valid API key. */
export const apiKey = 'us_a-key-for-tests'

const schema = buildSchema(`
  "A calendar day in UTC."
  scalar Date
  input AuthenticateInput { apiKey: String! }
  type AuthenticatePayload { accessToken: String!, tokenType: String!, expiresIn: Int! }
  type DailyAmount { date: Date!, eventAmount: Int! }
  type DailyAverage { date: Date!, eventAverage: Float! }
  type TypeAmount { type: String!, eventAmount: Int! }
  type Mutation { authenticate(input: AuthenticateInput!): AuthenticatePayload! }
  type Query {
    eventAmount(type: String!, from: Date, to: Date, limit: Int): [DailyAmount!]!
    eventAverage(type: String!, limit: Int): [DailyAverage!]!
    storeEventAmount(storeId: Int, limit: Int): [DailyAmount!]!
    topEventTypes(storeId: Int, limit: Int): [TypeAmount!]!
  }
`)

const refusal = (message: string) => ({ errors: [{ message, extensions: { code: 'UNAUTHENTICATED' } }] })

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(lifetime: number): string {
  const claims = { role: 'ANALYST', store_id: 3, exp: Math.floor(Date.now() / 1000) + lifetime }
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.signature`
}

export interface PlaygroundServer extends AsyncDisposable {
  readonly origin: string
  /** The operations received so far. */
  readonly requests: { authorization: string | undefined; operation: string; variables: unknown }[]
}

/** Serves the playground over a small graph that answers its four prepared queries, on a free port. */
export async function startPlaygroundServer({
  lifetime = 3_600,
  refusesTokens = false,
} = {}): Promise<PlaygroundServer> {
  const app: FastifyInstance = Fastify()
  const requests: PlaygroundServer['requests'] = []
  // The gateway's default policy, which the page replaces.
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    done()
  })
  await app.register(registerPlayground)

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const body = request.body as { query: string; operationName: string; variables?: object }
    const { authorization } = request.headers
    requests.push({ authorization, operation: body.operationName, variables: body.variables })
    if (refusesTokens && authorization && body.operationName !== 'IntrospectionQuery')
      return reply.code(401).send({ errors: [{ message: 'no', extensions: { code: 'TOKEN_EXPIRED' } }] })
    if (body.operationName !== 'Authenticate' && !authorization) {
      return reply.code(401).send(refusal('A valid access token is needed: Authorization: Bearer <token>.'))
    }
    const result = await graphql({
      schema,
      source: body.query,
      operationName: body.operationName,
      variableValues: { ...body.variables },
      rootValue: {
        authenticate: ({ input }: { input: { apiKey: string } }) => {
          if (input.apiKey !== apiKey) throw new Error('refused')
          return { accessToken: token(lifetime), tokenType: 'Bearer', expiresIn: lifetime }
        },
        eventAmount: [{ date: '2026-11-23', eventAmount: 8_077 }],
        eventAverage: [{ date: '2026-11-23', eventAverage: 2.125 }],
        storeEventAmount: [{ date: '2026-11-23', eventAmount: 9_099 }],
        topEventTypes: [{ type: 'purchase', eventAmount: 7_055 }],
      },
    })
    return result.errors?.[0]?.message === 'refused' ? reply.code(401).send(refusal('Bad API key.')) : result
  }

  app.get('/graphql', (request, reply) => (wantsPage(request) ? sendPlayground(reply) : { data: null }))
  app.post('/graphql', answer)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, requests, [Symbol.asyncDispose]: () => app.close() }
}
