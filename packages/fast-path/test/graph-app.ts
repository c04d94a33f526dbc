import {
  GraphQLError,
  GraphQLID,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  type GraphQLFieldConfig,
} from 'graphql'
import { createTokenVerifier, DomainError } from '@user-stats/core'
import {
  createGraphServer,
  createRequestContext,
  JSONObjectScalar,
  registerGraph,
  type RequestContext,
} from '@user-stats/graphql'
import { createIdentify, createRateLimits, registerAuthentication } from '@user-stats/http'
import { createTestApp, testLimits, testRates } from '@user-stats/http/testing'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { createSubgraphEngine, registerBatchRoute, type FastPathMode } from '../src/subgraph.ts'

type Field = GraphQLFieldConfig<unknown, RequestContext>

const field = (resolve: Field['resolve']): Field => ({ type: GraphQLString, resolve })
const failing = (error: () => Error): Field =>
  field(() => {
    throw error()
  })

const gates = new Map<string, PromiseWithResolvers<string>>()
const gateOf = (name: string): PromiseWithResolvers<string> => {
  const gate = gates.get(name) ?? Promise.withResolvers<string>()
  gates.set(name, gate)
  return gate
}
/** `waits` resolves once `opens` was requested with the same gate. */
const gated = (resolve: (gate: PromiseWithResolvers<string>) => unknown): Field => ({
  type: GraphQLString,
  args: { gate: { type: new GraphQLNonNull(GraphQLString) } },
  resolve: (_source, { gate }: { gate: string }) => resolve(gateOf(gate)),
})

const thing = new GraphQLObjectType({
  name: 'Thing',
  fields: { id: { type: GraphQLID }, name: { type: GraphQLString } },
})

const query = new GraphQLObjectType<unknown, RequestContext>({
  name: 'Query',
  fields: {
    me: field((_source, _args, { caller }) => caller.role),
    requestId: field((_source, _args, { requestId }) => requestId),
    echo: {
      type: JSONObjectScalar,
      args: { text: { type: GraphQLString } },
      resolve: (_source, args: object) => args,
    },
    thing: {
      type: thing,
      args: { id: { type: GraphQLID } },
      resolve: (_source, { id }: { id?: string }) => (id === '1' ? { id, name: 'One' } : null),
    },
    bug: failing(() => new Error('duplicate key (email)=(jane.doe@example.com)')),
    leak: failing(
      () => new GraphQLError('jane.doe@example.com', { extensions: { code: 'INTERNAL', stacktrace: [] } }),
    ),
    taken: failing(() => new DomainError('EMAIL_TAKEN', { field: 'email' })),
    away: failing(() => Object.assign(new Error('hunter2'), { code: 'ECONNREFUSED' })),
    refused: failing(() => new DomainError('UNAUTHENTICATED')),
    waits: gated(({ promise }) => promise),
    opens: gated(({ resolve }) => {
      resolve('opened')
      return 'done'
    }),
  },
})

export const gatewaySecret = 'a-secret-of-the-gateway'

/** A small subgraph with the batch endpoint, on a free port. */
export async function startGraphApp(rates: Partial<typeof testRates> = {}) {
  const it = await createTestApp()
  const issuer = createTestIssuer()
  const schema = new GraphQLSchema({ query })
  const server = createGraphServer<RequestContext>({
    source: { schema },
    limits: testLimits,
    log: it.log,
    engine: createSubgraphEngine((process.env['FAST_PATH'] ?? 'true') as FastPathMode, schema),
    assertCanIntrospect: () => Promise.resolve(),
  })
  await server.start()
  const identify = registerAuthentication(
    it.app,
    createIdentify({
      tokens: createTokenVerifier({ keys: issuer.keys }),
      rates: createRateLimits({ ...testRates, ...rates, log: it.log }),
    }),
  )
  const context = createRequestContext({ identify, timeout: 5_000 })
  registerGraph(it.app, { server, context })
  registerBatchRoute(it.app, { server, context, gatewaySecret })
  const origin = await it.listen()
  const token = issuer.tokenFor({ role: 'STORE', keyId: 'key', storeId: 1 })

  return {
    ...it,
    origin,
    issuer,
    token,
    post: (body: object, headers: Record<string, string> = {}) =>
      fetch(`${origin}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      await it.app.close()
      await server.stop()
    },
  }
}
