/** The demo's requests to the gateway, like any client's. */
export type Client = Awaited<ReturnType<typeof createClient>>

interface NewUser {
  readonly email: string
  readonly firstName: string
  readonly lastName: string
}

/** Signs in with a key. @throws Error with the first reason for a refusal */
export async function createClient(gatewayUrl: string, apiKey: string) {
  let token = ''

  async function post(path: string, contentType: string, body: string): Promise<unknown> {
    const response = await fetch(new URL(path, gatewayUrl), {
      method: 'POST',
      headers: { 'content-type': contentType, ...(token !== '' && { authorization: `Bearer ${token}` }) },
      body,
    })
    const answer = (await response.json()) as { errors?: { message: string }[]; message?: string }
    const problem = answer.errors?.[0]?.message ?? (response.ok ? undefined : answer.message)
    if (problem !== undefined) throw new Error(`the demo data cannot be written: ${problem}`)
    return answer
  }
  async function execute<Data>(query: string, input: object): Promise<Data> {
    const answer = await post('/graphql', 'application/json', JSON.stringify({ query, variables: { input } }))
    return (answer as { data: Data }).data
  }

  const { authenticate } = await execute<{ authenticate: { accessToken: string } }>(
    'mutation ($input: AuthenticateInput!) { authenticate(input: $input) { accessToken } }',
    { apiKey },
  )
  token = authenticate.accessToken

  return {
    async createStore(name: string) {
      const { createStore } = await execute<{
        createStore: { store: { id: number; name: string }; secret: string }
      }>('mutation ($input: CreateStoreInput!) { createStore(input: $input) { store { id name } secret } }', {
        name,
      })
      return createStore
    },
    async openPaths(id: number, analystDataPaths: readonly string[]): Promise<void> {
      await execute('mutation ($input: UpdateStoreInput!) { updateStore(input: $input) { store { id } } }', {
        id,
        analystDataPaths,
      })
    },
    async createAnalyst(name: string, storeId?: number): Promise<string> {
      const { createApiKey } = await execute<{ createApiKey: { secret: string } }>(
        'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
        { name, role: 'ANALYST', ...(storeId !== undefined && { storeId }) },
      )
      return createApiKey.secret
    },
    /** @returns the users' ids */
    async createUsers(users: readonly NewUser[]): Promise<string[]> {
      const { createUsers } = await execute<{ createUsers: { results: { user: { id: string } | null }[] } }>(
        'mutation ($input: CreateUsersInput!) { createUsers(input: $input) { results { user { id } } } }',
        { users },
      )
      return createUsers.results.flatMap(({ user }) => user?.id ?? [])
    },
    /** @param lines events as JSON, one each */
    async recordEvents(lines: readonly string[]): Promise<void> {
      await post('/api/events', 'application/x-ndjson', lines.join('\n'))
    },
  }
}
