import {
  aggregateRoutes,
  objectSchema,
  deletedMessage,
  arraySchema,
  messageAnswer,
  paging,
  recordEventRoute,
  storeIdParam,
  userRoutes,
  type JsonSchema,
  type RestRoute,
} from '@user-stats/rest'

const text: JsonSchema = { type: 'string' }
const name: JsonSchema = { type: 'string', minLength: 1, maxLength: 300 }
const store = { id: storeIdParam, name: text, is_active: { type: 'boolean' } } as const
const fields = { apiKey: 'api_key', id: 'store_id' } as const

interface StoreData {
  readonly id: number
  readonly name: string
  readonly isActive: boolean
}

const toStore = ({ id, name, isActive }: StoreData) => ({ id, name, is_active: isActive })

/** One of the two, by `is_admin`. */
interface Created {
  readonly createStore?: { readonly store: StoreData; readonly secret: string }
  readonly createApiKey?: { readonly apiKey: { readonly name: string }; readonly secret: string }
}

const authenticateRow: RestRoute = {
  method: 'POST',
  url: '/api/auth',
  summary: 'Exchange an API key for an access token',
  tag: 'authentication',
  public: true,
  operation:
    'mutation Authenticate($input: AuthenticateInput!) { authenticate(input: $input) { accessToken tokenType } }',
  body: {
    type: 'object',
    required: ['api_key'],
    properties: { api_key: { type: 'string', minLength: 1, maxLength: 1_024 } },
  },
  fields,
  variables: ({ body }) => ({ input: { apiKey: body['api_key'] } }),
  status: 200,
  answer: objectSchema({ access_token: text, token_type: { type: 'string', const: 'Bearer' } }),
  reply: ({ authenticate }: { authenticate: { accessToken: string; tokenType: string } }) => ({
    access_token: authenticate.accessToken,
    token_type: authenticate.tokenType,
  }),
}

const eraseUserRow: RestRoute = {
  method: 'DELETE',
  url: '/api/user/:id',
  summary: "Delete a user's personal data and events",
  tag: 'users',
  operation: 'mutation EraseUser($input: EraseUserInput!) { eraseUser(input: $input) { eventsDeleted } }',
  params: { id: { type: 'string', minLength: 1, maxLength: 128 } },
  variables: ({ params }) => ({ input: { id: params['id'] } }),
  status: 200,
  answer: objectSchema({ user: text, events: text }),
  errors: [404],
  reply: ({ eraseUser }: { eraseUser: { eventsDeleted: number } }) => ({
    user: 'User successfully deleted',
    events: deletedMessage(eraseUser.eventsDeleted, 'events'),
  }),
}

const storeRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    url: '/api/store',
    summary: 'Stores',
    tag: 'stores',
    operation: `query Stores($offset: Int!, $limit: Int!) {
      stores(offset: $offset, first: $limit) { nodes { id name isActive } }
    }`,
    query: paging,
    fields: { first: 'limit' },
    variables: ({ query }) => query,
    status: 200,
    answer: arraySchema(objectSchema(store)),
    reply: ({ stores }: { stores: { nodes: readonly StoreData[] } }) => stores.nodes.map(toStore),
  },
  {
    method: 'POST',
    url: '/api/store',
    summary:
      'Create a store and its API key, which is shown once; with `is_admin` an admin key and no store (`id` is null)',
    tag: 'stores',
    // In the previous system an admin was a store. Here it is an API key, so one of the two mutations is
    // skipped.
    operation: `mutation CreateStore($admin: Boolean!, $store: CreateStoreInput!, $key: CreateApiKeyInput!) {
      createStore(input: $store) @skip(if: $admin) { store { id name isActive } secret }
      createApiKey(input: $key) @include(if: $admin) { apiKey { name } secret }
    }`,
    body: {
      type: 'object',
      required: ['name'],
      properties: {
        name,
        is_active: {
          type: 'boolean',
          default: true,
          description: 'False creates a blocked store.',
        },
        is_admin: { type: 'boolean', default: false, description: 'Create an admin key and no store.' },
      },
    },
    fields: { isActive: 'is_active' },
    variables: ({ body }) => ({
      admin: body['is_admin'],
      store: { name: body['name'], isActive: body['is_active'] },
      key: { role: 'ADMIN', name: body['name'] },
    }),
    status: 201,
    answer: objectSchema({
      ...store,
      id: { ...storeIdParam, type: ['integer', 'null'], description: 'Null for an admin key.' },
      api_key: text,
    }),
    reply: ({ createStore, createApiKey }: Created) =>
      createStore
        ? { ...toStore(createStore.store), api_key: createStore.secret }
        : { id: null, name: createApiKey?.apiKey.name, is_active: true, api_key: createApiKey?.secret },
  },
  {
    method: 'DELETE',
    url: '/api/store/:id',
    summary: 'Delete a store with all its users and events',
    tag: 'stores',
    operation:
      'mutation DeleteStore($input: DeleteStoreInput!) { deleteStore(input: $input) { usersDeleted eventsDeleted } }',
    params: { id: storeIdParam },
    variables: ({ params }) => ({ input: { id: params['id'] } }),
    status: 200,
    answer: objectSchema({ users: text, events: text }),
    errors: [404],
    reply: ({ deleteStore }: { deleteStore: { usersDeleted: number; eventsDeleted: number } }) => ({
      users: deletedMessage(deleteStore.usersDeleted, 'users'),
      events: deletedMessage(deleteStore.eventsDeleted, 'events'),
    }),
  },
  {
    method: 'POST',
    url: '/api/store/block',
    summary: 'Block a store at once, including its issued tokens',
    tag: 'stores',
    operation: 'mutation BlockStore($input: BlockStoreInput!) { blockStore(input: $input) { store { id } } }',
    body: { type: 'object', required: ['store_id'], properties: { store_id: storeIdParam } },
    fields,
    variables: ({ body }) => ({ input: { id: body['store_id'] } }),
    status: 201,
    answer: messageAnswer,
    errors: [404],
    reply: () => ({ message: 'Store successfully blocked' }),
  },
]

/** The REST routes of port 8000. */
export const routes: readonly RestRoute[] = [
  authenticateRow,
  ...userRoutes({ form: false }),
  eraseUserRow,
  recordEventRoute({ form: false }),
  ...aggregateRoutes,
  ...storeRoutes,
]
