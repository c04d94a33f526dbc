import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStack, type Stack } from '@user-stats/cli'

export interface Shop {
  readonly id: number
  readonly token: string
}

export interface System extends AsyncDisposable {
  readonly stack: Stack
  /** Where scratch files go. */
  readonly directory: string
  readonly post: <T>(path: string, body: unknown, token?: string) => Promise<T>
  /** A new store and a token of its key. */
  readonly openShop: (name: string) => Promise<Shop>
}

/** The whole system, durable, on free ports with data that goes with it. */
export async function startSystem(): Promise<System> {
  const directory = await mkdtemp(join(tmpdir(), 'user-stats-bench-'))
  // Under root PostgreSQL runs as another user, who must be able to pass.
  await chmod(directory, 0o711)
  const stack = await startStack({
    ...process.env,
    DATA_DIR: join(directory, 'data'),
    GATEWAY_PORT: '0',
    USERS_PORT: '0',
    EVENTS_PORT: '0',
    LOG_LEVEL: 'warn',
    ACCESS_TOKEN_EXPIRE_MINUTES: '1440',
  })
  const post = async <T>(path: string, body: unknown, token?: string): Promise<T> => {
    const response = await fetch(stack.urls.gateway + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path} answered ${String(response.status)}: ${await response.text()}`)
    return (await response.json()) as T
  }
  const tokenOf = async (apiKey: string | undefined): Promise<string> =>
    (await post<{ access_token: string }>('/api/auth', { api_key: apiKey })).access_token
  const admin = await tokenOf(stack.adminApiKey)
  return {
    stack,
    directory,
    post,
    openShop: async (name) => {
      const { id, api_key: apiKey } = await post<{ id: number; api_key: string }>(
        '/api/store',
        { name },
        admin,
      )
      return { id, token: await tokenOf(apiKey) }
    },
    async [Symbol.asyncDispose]() {
      await stack.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
