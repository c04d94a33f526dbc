import { Pool } from 'undici'
import type { Command } from './outbox.ts'

/** Milliseconds. Deletions walk through all there is to delete. */
const deadlines = {
  STORE_ACCESS: 5_000,
  KEY_REVOKED: 5_000,
  ERASE_USER: 30_000,
  DELETE_STORE: 30_000,
  STORE_SETTINGS: 5_000,
} as const

const mutation = (field: string, input: string): string =>
  `mutation Apply($input: ${input}!) { applied: ${field}(input: $input) { eventsDeleted } }`

const documents = {
  STORE_ACCESS: mutation('applyStoreAccess', 'ApplyStoreAccessInput'),
  KEY_REVOKED: mutation('applyKeyRevocation', 'ApplyKeyRevocationInput'),
  ERASE_USER: mutation('applyUserErasure', 'ApplyUserErasureInput'),
  DELETE_STORE: mutation('applyStoreDeletion', 'ApplyStoreDeletionInput'),
  STORE_SETTINGS: mutation('applyStoreSettings', 'ApplyStoreSettingsInput'),
} as const

interface Answer {
  readonly data?: { readonly applied?: { readonly eventsDeleted?: unknown } | null } | null
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[]
}

function inputOf(command: Command): Record<string, unknown> {
  const input = { commandId: Number(command.id), storeId: command.storeId }
  switch (command.kind) {
    case 'STORE_ACCESS':
      return { ...input, state: command.state }
    case 'KEY_REVOKED':
      return { ...input, keyId: command.keyId }
    case 'ERASE_USER':
      return { ...input, userId: command.userId }
    case 'DELETE_STORE':
      return input
    case 'STORE_SETTINGS':
      return {
        ...input,
        retentionDays: command.retentionDays,
        refuseEmailLikeData: command.refuseEmailLikeData ?? false,
      }
  }
}

export type EventsClient = ReturnType<typeof createEventsClient>

/** Tells the events service what was decided here. */
export function createEventsClient({
  url,
  token,
}: {
  readonly url: string
  readonly token: () => Promise<string>
}) {
  const pool = new Pool(new URL(url).origin, { connections: 4, connect: { timeout: 2_000 } })
  const path = new URL('/graphql', url).pathname

  return {
    /**
     * @returns how many events the command has deleted, over all its attempts
     * @throws Error when it is not known to have been carried out
     */
    async apply(command: Command): Promise<number> {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          authorization: `Bearer ${await token()}`,
        },
        body: JSON.stringify({ query: documents[command.kind], variables: { input: inputOf(command) } }),
        signal: AbortSignal.timeout(deadlines[command.kind]),
        headersTimeout: deadlines[command.kind],
        bodyTimeout: deadlines[command.kind],
      })
      const { data, errors } = (await body.json()) as Answer
      const deleted = data?.applied?.eventsDeleted
      if (typeof deleted === 'number') return deleted
      const code = errors?.[0]?.extensions?.code
      throw Object.assign(new Error('the events service refused a command'), {
        code: typeof code === 'string' ? code : `HTTP_${String(statusCode)}`,
      })
    },

    close: (): Promise<void> => pool.close(),
  }
}
