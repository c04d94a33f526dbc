import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLError,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql'
import { DomainError } from '@user-stats/core'
import { createRequestContext } from '@user-stats/graphql'
import { registerGraph } from '@user-stats/graphql'
import { DateScalar, DateTimeScalar, JSONObjectScalar, SafeIntScalar } from '@user-stats/graphql'
import type { RequestContext } from '@user-stats/graphql'
import { createGraphServer } from '@user-stats/graphql'
import { createSubgraphEngine, registerBatchRoute, type FastPathMode } from '@user-stats/fast-path/subgraph'
import { createTokenVerifier } from '@user-stats/core'
import { registerRest } from '../src/register-routes.ts'
import type { RestRoute } from '../src/rest-route.ts'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { createIdentify, createRateLimits, registerApiDocs, registerAuthentication } from '@user-stats/http'
import { createTestApp, testLimits, testLoad, testRates } from '@user-stats/http/testing'

const mode = new GraphQLEnumType({ name: 'Mode', values: { FAST: {}, SAFE: {} } })

const inputType = new GraphQLInputObjectType({
  name: 'RecordInput',
  fields: {
    type: { type: new GraphQLNonNull(GraphQLString) },
    amount: { type: SafeIntScalar },
    data: { type: JSONObjectScalar },
    at: { type: DateTimeScalar },
    mode: { type: mode },
  },
})

const things = new GraphQLObjectType({
  name: 'Thing',
  fields: { id: { type: GraphQLID }, name: { type: GraphQLString } },
})

const thrown = (error: () => Error) => () => {
  throw error()
}

const query = new GraphQLObjectType<unknown, RequestContext>({
  name: 'Query',
  fields: {
    me: { type: GraphQLString, resolve: (_source, _args, { caller }) => caller.role },
    requestId: { type: GraphQLString, resolve: (_source, _args, { requestId }) => requestId },
    echo: {
      type: JSONObjectScalar,
      args: {
        text: { type: GraphQLString },
        amount: { type: GraphQLInt },
        on: { type: GraphQLBoolean },
        day: { type: DateScalar },
      },
      resolve: (_source, args: object) => args,
    },
    thing: {
      type: things,
      args: { id: { type: GraphQLID } },
      resolve: (_source, { id }: { id?: string }) => (id === '1' ? { id, name: 'One' } : null),
    },
    long: {
      type: GraphQLString,
      args: { length: { type: new GraphQLNonNull(GraphQLInt) } },
      resolve: (_source, { length }: { length?: number }) => 'x'.repeat(length ?? 0),
    },
    things: { type: new GraphQLList(things), resolve: () => [{ id: 1 }] },
    bug: {
      type: GraphQLString,
      resolve: thrown(() => new Error('duplicate key (email)=(jane.doe@example.com)')),
    },
    leak: {
      type: GraphQLString,
      resolve: thrown(
        () =>
          new GraphQLError('jane.doe@example.com', {
            extensions: { code: 'INTERNAL', stacktrace: ['at /srv'] },
          }),
      ),
    },
    taken: { type: GraphQLString, resolve: thrown(() => new DomainError('EMAIL_TAKEN', { field: 'email' })) },
    away: {
      type: GraphQLString,
      resolve: thrown(() => Object.assign(new Error('hunter2'), { code: 'ECONNREFUSED' })),
    },
    refused: { type: GraphQLString, resolve: thrown(() => new DomainError('UNAUTHENTICATED')) },
  },
})

const mutation = new GraphQLObjectType<unknown, RequestContext>({
  name: 'Mutation',
  fields: {
    record: {
      type: JSONObjectScalar,
      args: { input: { type: new GraphQLNonNull(inputType) } },
      resolve: (_source, { input }: { input: { type: string; at?: Date } }) => {
        if (input.type === '')
          throw new DomainError('BAD_USER_INPUT', {
            field: 'input.type',
            message: 'input.type: 1 to 128 characters',
          })
        return { ...input, ...(input.at && { at: input.at.toISOString() }) }
      },
    },
  },
})

/** A small service: everything between the socket and the resolvers, on a test schema. */
export async function startGraphApp(
  routes: readonly RestRoute[] = [],
  limits = testLimits,
  rates: Partial<typeof testRates> = {},
  trustProxy: readonly string[] = [],
  load = testLoad,
  bodyLimit = 65_536,
) {
  const it = await createTestApp({ trustProxy, load, bodyLimit })
  const issuer = createTestIssuer()
  const schema = new GraphQLSchema({ query, mutation })
  const server = createGraphServer<RequestContext>({
    source: { schema },
    limits,
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
  await registerApiDocs(it.app, { title: 'T', description: 'D' })
  registerGraph(it.app, { server, context })
  registerBatchRoute(it.app, { server, context, gatewaySecret: undefined })
  registerRest(it.app, { routes, server, context })
  const origin = await it.listen()
  const token = issuer.tokenFor({ role: 'STORE', keyId: 'key', storeId: 1 })

  return {
    ...it,
    origin,
    issuer,
    token,
    send: (path: string, { headers, ...init }: RequestInit = {}) =>
      fetch(origin + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(headers as object) },
      }),
    async [Symbol.asyncDispose]() {
      await it.app.close()
      await server.stop()
    },
  }
}
