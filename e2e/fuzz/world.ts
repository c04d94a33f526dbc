import { Client } from 'pg'
import { authenticate, call } from '../support/legacy-client.ts'
import type { TestStack } from '../support/stack.ts'
import type { Refs } from './raw-json.ts'

/** Who sends a request. Each has a token of a kind of its own. */
export const roles = ['store', 'admin', 'analyst', 'analyst of all', 'anonymous'] as const
export type Role = (typeof roles)[number]

/** A store with a user, a visitor, a key and an event, and the values that identify them. */
interface Tenant {
  readonly storeId: number
  readonly name: string
  readonly token: string
  readonly keyId: string
  readonly email: string
  readonly visitor: string
  /** Changes when the user has been deleted and created again. */
  userId: string
  /** Values only this store and admins may see: analysts see none of the first. */
  readonly personal: readonly string[]
  readonly business: readonly string[]
}

/** Far from every number a request could make up, so that nothing but a reference meets these stores. */
const firstStoreId = 730_000_000

export type World = Awaited<ReturnType<typeof createWorld>>

/**
 * The stores that requests meet: the caller's own, one that must neither be visible nor change, and a spare
 * one for admins.
 */
export async function createWorld(stack: TestStack) {
  const { gateway } = stack.urls
  await skipStoreIds(stack)
  const admin = await authenticate(gateway, stack.adminApiKey)

  async function graphql(token: string, query: string, variables: object): Promise<any> {
    const { status, body } = await call(gateway, 'POST', '/graphql', { token, body: { query, variables } })
    if (status !== 200 || body.errors !== undefined)
      throw new Error(`the world answered ${JSON.stringify(body)}`)
    return body.data
  }

  const keyFor = async (role: string, storeId: number | null): Promise<{ token: string; keyId: string }> => {
    const { createApiKey } = await graphql(
      admin,
      'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }',
      { input: { role, storeId, name: `key of ${role}` } },
    )
    return { token: await authenticate(gateway, createApiKey.secret), keyId: createApiKey.apiKey.id }
  }

  /** Registers the user of a tenant if there is none, and records events of it and of a visitor. */
  async function populate(tenant: Tenant): Promise<void> {
    const [username, firstName, lastName, phone] = tenant.personal
    const { body } = await call(gateway, 'POST', '/api/user', {
      token: tenant.token,
      body: {
        email: tenant.email,
        username,
        first_name: firstName,
        last_name: lastName,
        phone: Number(phone),
      },
    })
    if (typeof body.id === 'string') tenant.userId = body.id
    const [type, , data] = tenant.business
    for (const userId of [tenant.userId, tenant.visitor])
      await call(gateway, 'POST', '/api/event', {
        token: tenant.token,
        body: { type, user_id: userId, data: { note: data } },
        headers: { 'idempotency-key': `populated ${userId}` },
      })
  }

  async function found(letter: string): Promise<Tenant> {
    const name = `storename${letter}canary`
    const { createStore } = await graphql(
      admin,
      'mutation($input: CreateStoreInput!) { createStore(input: $input) { store { id } } }',
      { input: { name } },
    )
    const storeId = createStore.store.id as number
    const tenant: Tenant = {
      storeId,
      name,
      ...(await keyFor('STORE', storeId)),
      email: `mail${letter}canary@example.org`,
      visitor: `visitor${letter}canary`,
      userId: '',
      personal: [
        `user${letter}canary`,
        `first${letter}canary`,
        `last${letter}canary`,
        `49301757${String(letter.charCodeAt(0))}61`,
      ],
      business: [`type${letter}canary`, name, `data${letter}canary`],
    }
    await populate(tenant)
    return tenant
  }

  const own = await found('a')
  const other = await found('b')
  let spare = await found('c')
  const tokens: Readonly<Record<Role, string | undefined>> = {
    anonymous: undefined,
    store: own.token,
    admin,
    analyst: (await keyFor('ANALYST', own.storeId)).token,
    'analyst of all': (await keyFor('ANALYST', null)).token,
  }

  const named = (mine: Tenant, not: Tenant): Refs => ({
    'own store': mine.storeId,
    'own user': mine.userId,
    'own email': mine.email,
    'own visitor': mine.visitor,
    'own key': mine.keyId,
    'other store': not.storeId,
    'other user': not.userId,
    'other email': not.email,
    'other visitor': not.visitor,
    'other key': not.keyId,
  })

  return {
    urls: stack.urls,
    tokens,
    otherStore: other.storeId,
    graphql: (query: string, variables: object) => graphql(admin, query, variables),
    /** The targets of references. An admin may change any store, and gets the spare one. */
    refsFor: (role: Role): Refs => (role === 'admin' ? named(spare, spare) : named(own, other)),
    /** Values that a response to this role must not contain. Values that requests contain are allowed. */
    forbiddenTo(role: Role): readonly string[] {
      switch (role) {
        case 'admin':
          return []
        case 'store':
          return [...other.personal, ...other.business]
        case 'analyst':
          return [...other.personal, ...other.business, ...own.personal, own.business[2] ?? '']
        case 'analyst of all':
          return [own, other].flatMap(({ personal, business }) => [...personal, business[2] ?? ''])
        case 'anonymous':
          return [own, other, spare].flatMap(({ personal, business }) => [...personal, ...business])
      }
    },
    /** Values that neither an error nor a log may contain. */
    secrets: (): readonly string[] =>
      [own, other, spare].flatMap(({ personal, business: [, , data], email, visitor, token }) => [
        ...personal,
        data ?? '',
        email,
        visitor,
        token,
      ]),
    /** Recreates what requests have deleted or blocked. */
    async restore(): Promise<void> {
      await populate(own)
      const { store } = await graphql(admin, 'query($id: Int!) { store(id: $id) { isActive } }', {
        id: spare.storeId,
      })
      const works =
        store?.isActive === true &&
        (await call(gateway, 'GET', '/api/event/amount/x', { token: spare.token })).status === 200
      if (works) await populate(spare)
      else spare = await found('c')
    },
  }
}

async function skipStoreIds({ databases }: TestStack): Promise<void> {
  const client = new Client({ connectionString: databases.users.ownerUrl })
  await client.connect()
  await client.query(`SELECT setval(pg_get_serial_sequence('stores', 'store_id'), $1)`, [firstStoreId])
  await client.end()
}
