import type { ErasureStep } from '../modules/erasure/erasure-process.ts'
import type { Command } from './outbox-repository.ts'

/** Why a command is not known to have been carried out. */
export class CommandError extends Error {
  readonly code: string
  /** Whether the events service is there and will not have it: trying again soon will hardly help. */
  readonly refused: boolean

  constructor(code: string, { refused, cause }: { readonly refused: boolean; readonly cause?: unknown }) {
    super(refused ? 'the events service refused a command' : 'the events service is away', { cause })
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

/** The body of the request that tells the events service. */
export const bodyOf = (command: Command): string =>
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

/** Codes that say nothing of the command: the service, or what it needs, is not ready. */
const away = new Set([
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
 * What an answer says: how far the events service came.
 *
 * @throws CommandError
 */
export function readAnswer(status: number, text: string): ErasureStep {
  const { data, errors } = parse(text)
  const applied = data?.applied
  if (applied != null) {
    const { finished = true, eventsTotal = null, eventsDeleted, eventsAnonymised = 0, rows = [] } = applied
    const counts = Object.fromEntries(rows.map(({ table, count }) => [table, count]))
    return { finished, eventsTotal, eventsDeleted, eventsAnonymised, rows: counts }
  }
  const code = errors?.[0]?.extensions?.code
  if (typeof code === 'string') throw new CommandError(code, { refused: !away.has(code) })
  throw new CommandError(`HTTP_${String(status)}`, { refused: status < 500 })
}
