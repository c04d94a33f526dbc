import { setTimeout as pause } from 'node:timers/promises'
import type { LegacyAnswer } from '../../support/legacy-client.ts'

/** Maximum milliseconds without an acknowledgement. */
const maxWait = 90_000

/**
 * Sends a request until it is acknowledged, like a careful client with idempotency keys. Retries after broken
 * connections and 503; any other response without acknowledgement fails the test.
 *
 * @param acknowledged whether a response is the expected one
 */
export async function sendUntilAcknowledged(
  send: () => Promise<LegacyAnswer>,
  acknowledged: (answer: LegacyAnswer) => boolean,
): Promise<LegacyAnswer> {
  const deadline = Date.now() + maxWait
  for (;;) {
    const answer = await send().catch(() => undefined)
    if (answer !== undefined && acknowledged(answer)) return answer
    if (answer !== undefined && !isAway(answer)) throw new Error(`answered ${described(answer)}`)
    if (Date.now() > deadline) throw new Error(`nothing was acknowledged for too long: ${described(answer)}`)
    await pause(50)
  }
}

const described = (answer: LegacyAnswer | undefined): string =>
  answer === undefined ? 'no answer' : `${String(answer.status)} ${JSON.stringify(answer.body).slice(0, 500)}`

const awayCodes = new Set<unknown>([
  'SUBGRAPH_UNAVAILABLE',
  'SERVICE_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'QUEUE_FULL',
  'OVERLOADED',
])

/** Returns the delay before a retry. A valid request may only be refused with 503. */
function isAway({ status, headers, body }: LegacyAnswer): boolean {
  if (status === 503) return Number(headers.get('retry-after')) > 0
  if (status !== 200) return false
  // Some events of many were not written: reported for each, in the results or in the errors.
  const { errors = [], data } = body as PartialResult
  const each = (data?.recordEvents?.results ?? []).flatMap(({ error }) => error ?? [])
  const codes = [...each, ...errors].map(({ code, extensions }) => extensions?.code ?? code)
  return codes.length > 0 && codes.every((code) => awayCodes.has(code))
}

interface Fault {
  readonly code?: unknown
  readonly extensions?: { readonly code: unknown }
}

interface PartialResult {
  readonly errors?: readonly Fault[]
  readonly data?: {
    readonly recordEvents?: { readonly results: readonly { readonly error: Fault | null }[] }
  }
}
