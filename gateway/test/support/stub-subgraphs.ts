import type { createTestIssuer } from '@user-stats/testing/tokens'
import { GraphQLError } from 'graphql'
import { sdlOf, startStubSubgraph, type Resolvers } from './stub-subgraph.ts'

/** Subgraphs with the real SDL and resolvers for one store, one user and two events. */

const at = '2026-11-23T05:16:00.123Z'
const store = { id: 1, name: 'Shop', isActive: true, createdAt: at }
const user = {
  id: 'u-1',
  ref: 'u-1',
  storeId: 1,
  store: { id: 1 },
  email: 'Jane@example.org',
  username: 'jane',
  firstName: 'Jane',
  lastName: 'Doe',
  phone: 999_999_999_999_999,
  externalId: null,
  createdAt: at,
  updatedAt: at,
}
const page = (nodes: readonly object[]) => ({
  nodes,
  edges: nodes.map((node) => ({ cursor: 'c', node })),
  pageInfo: { endCursor: 'c', hasNextPage: false },
})
const apiKey = { id: 'k-1', role: 'ADMIN', prefix: 'us_a', store: null, createdAt: at }

interface Ref {
  readonly id: number
  readonly ref: string
}

/** Errors that the users stub returns for e-mail addresses. */
const errorsByEmail: Readonly<Record<string, { code: string; field?: string; retryAfter?: number }>> = {
  'taken@example.org': { code: 'EMAIL_TAKEN', field: 'input.email' },
  'name@example.org': { code: 'BAD_USER_INPUT', field: 'input.firstName' },
  'busy@example.org': { code: 'DATABASE_UNAVAILABLE', retryAfter: 7 },
}

function throwErrorOf(email: string): void {
  if (email === 'boom@example.org') throw new Error('relation "secret" does not exist')
  if (email === 'odd@example.org')
    throw new GraphQLError('secret', { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } })
  const extensions = errorsByEmail[email]
  if (extensions)
    throw new GraphQLError(`${extensions.field ?? 'it'}: is refused`, {
      extensions: { ...extensions, serviceName: 'users', stacktrace: ['at secret.ts'] },
    })
}

interface Input {
  readonly input: {
    readonly email: string
    readonly name: string
    readonly isActive: boolean
    readonly type: string
    readonly userId: string
    readonly data: object
  }
}

const usersResolvers: Resolvers = {
  Query: {
    user: () => user,
    userByEmail: (_: unknown, { email }: { email: string }) => {
      throwErrorOf(email)
      return email.toLowerCase() === 'jane@example.org' ? user : null
    },
    store: () => store,
    stores: () => page([store]),
  },
  Mutation: {
    authenticate: () => ({ accessToken: 'a.b.c', tokenType: 'Bearer', expiresIn: 3_600 }),
    createUser: (_: unknown, { input }: Input) => {
      throwErrorOf(input.email)
      return { user: { ...user, email: input.email } }
    },
    updateUserByEmail: () => ({ user }),
    eraseUser: () => ({ erasedUserId: 'u-1', eventsDeleted: 3 }),
    createStore: (_: unknown, { input }: Input) => ({
      store: { ...store, ...input },
      secret: 'us_new',
      apiKey: 'us_new',
    }),
    createApiKey: (_: unknown, { input }: Input) => ({ apiKey: { ...apiKey, ...input }, secret: 'us_admin' }),
    deleteStore: () => ({ deletedStoreId: 1, usersDeleted: 2, eventsDeleted: 5 }),
    blockStore: () => ({ store: { ...store, isActive: false } }),
  },
  User: {
    __resolveReference: ({ ref }: Ref) => (ref === user.ref ? user : null),
    store: () => store,
  },
  Store: { __resolveReference: ({ id }: Ref) => ({ ...store, id }) },
}

const event = (id: string, userId: string) => ({
  id,
  userId,
  type: 'purchase',
  storeId: 1,
  store: { id: 1 },
  user: { storeId: 1, ref: userId },
  data: { price: 1.5 },
  occurredAt: at,
  createdAt: at,
})
const days = [
  { date: '2026-11-23', eventAmount: 12, eventAverage: 1.5 },
  { date: '2026-11-22', eventAmount: 8, eventAverage: 2 },
]

const eventsResolvers: Resolvers = {
  Query: {
    eventAmount: () => days,
    eventAverage: () => days,
    storeEventAmount: () => days,
    topEventTypes: () => [{ type: 'purchase', eventAmount: 20 }],
    events: () => page([event('1', 'u-1'), event('2', 'visitor')]),
  },
  Mutation: {
    recordEvent: (_: unknown, { input }: Input) => ({
      event: { ...event('9007199254740991', input.userId), type: input.type, data: input.data },
      duplicate: false,
    }),
    deleteUserEvents: () => ({ deletedCount: 4 }),
  },
  User: {
    __resolveReference: (ref: object) => ref,
    events: () => page([event('1', 'u-1')]),
    eventCount: () => 2,
    lastSeenAt: () => at,
  },
  Store: { __resolveReference: ({ id }: Ref) => ({ id }), eventAmount: () => days },
}

/** Also publishes the issuer's key set. */
export const startUsers = (issuer: ReturnType<typeof createTestIssuer>) =>
  startStubSubgraph({
    typeDefs: sdlOf('users'),
    resolvers: usersResolvers,
    routes: (app) => {
      app.get('/.well-known/jwks.json', () => issuer.jwks)
    },
  })

export const startEvents = () => startStubSubgraph({ typeDefs: sdlOf('events'), resolvers: eventsResolvers })
