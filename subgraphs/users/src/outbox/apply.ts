import type { Command } from './outbox-repository.ts'

/** The progress of a command in the events service, over all attempts. */
export interface CommandProgress {
  /** False: the command is to be sent again. */
  readonly finished: boolean
  readonly eventsTotal: number | null
  readonly eventsDeleted: number
  readonly eventsAnonymised: number
  /** Rows deleted there, by table. */
  readonly rows: Readonly<Record<string, number>>
}

/** A command is not known to have been executed. */
export class CommandError extends Error {
  readonly code: string
  /** True if the events service rejected the command: an early retry will not help. */
  readonly refused: boolean

  constructor(code: string, { refused, cause }: { readonly refused: boolean; readonly cause?: unknown }) {
    super(refused ? 'the events service rejected a command' : 'the events service is unavailable', { cause })
    this.name = 'CommandError'
    this.code = code
    this.refused = refused
  }
}

const mutation = (field: string, input: string, selection: string): string =>
  `mutation Apply($input: ${input}!) { applied: ${field}(input: $input) { ${selection} } }`

const erasing = 'finished eventsTotal eventsDeleted eventsAnonymised rows { table count }'

const documents = {
  STORE_ACCESS: mutation('applyStoreAccess', 'ApplyStoreAccessInput', 'eventsDeleted'),
  KEY_REVOKED: mutation('applyKeyRevocation', 'ApplyKeyRevocationInput', 'eventsDeleted'),
  ERASE_USER: mutation('applyUserErasure', 'ApplyUserErasureInput', erasing),
  DELETE_STORE: mutation('applyStoreDeletion', 'ApplyStoreDeletionInput', erasing),
  STORE_SETTINGS: mutation('applyStoreSettings', 'ApplyStoreSettingsInput', 'eventsDeleted'),
} as const

function inputOf(command: Command): Record<string, unknown> {
  const input = { commandId: Number(command.id), storeId: command.storeId }
  switch (command.kind) {
    case 'STORE_ACCESS':
      return { ...input, state: command.state }
    case 'KEY_REVOKED':
      return { ...input, keyId: command.keyId, ...(command.dueAt && { effectiveAt: command.dueAt }) }
    case 'ERASE_USER':
      return { ...input, userId: command.userId, events: command.events ?? 'ERASE' }
    case 'DELETE_STORE':
      return input
    case 'STORE_SETTINGS':
      return {
        ...input,
        retentionDays: command.retentionDays,
        refuseEmailLikeData: command.refuseEmailLikeData ?? false,
        analystDataPaths: command.analystDataPaths ?? null,
      }
  }
}

/** The body of the request to the events service. */
export const requestBody = (command: Command): string =>
  JSON.stringify({ query: documents[command.kind], variables: { input: inputOf(command) } })

interface Applied {
  readonly finished?: boolean
  readonly eventsTotal?: number | null
  readonly eventsDeleted: number
  readonly eventsAnonymised?: number
  readonly rows?: readonly { readonly table: string; readonly count: number }[]
}

interface Answer {
  readonly data?: { readonly applied?: Applied | null } | null
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[]
}

/** Codes that do not concern the command: the service, or its database, is not ready. */
const unavailableCodes = new Set([
  'OVERLOADED',
  'SERVICE_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'QUEUE_FULL',
  'TOO_MANY_REQUESTS',
  'UNAUTHENTICATED',
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
])

function parse(text: string): Answer {
  try {
    return (JSON.parse(text) ?? {}) as Answer
  } catch {
    return {}
  }
}

/**
 * Reads the progress from a response of the events service.
 *
 * @throws CommandError
 */
export function parseResponse(status: number, text: string): CommandProgress {
  const { data, errors } = parse(text)
  const applied = data?.applied
  if (applied != null) {
    const { finished = true, eventsTotal = null, eventsDeleted, eventsAnonymised = 0, rows = [] } = applied
    const counts = Object.fromEntries(rows.map(({ table, count }) => [table, count]))
    return { finished, eventsTotal, eventsDeleted, eventsAnonymised, rows: counts }
  }
  const code = errors?.[0]?.extensions?.code
  if (typeof code === 'string') throw new CommandError(code, { refused: !unavailableCodes.has(code) })
  throw new CommandError(`HTTP_${String(status)}`, { refused: status < 500 })
}
