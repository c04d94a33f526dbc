import { setTimeout as pause } from 'node:timers/promises'
import type { LegacyAnswer } from '../../support/legacy-client.ts'

/** Milliseconds without an acknowledgement after which something is wrong. */
const maxWait = 90_000

/**
 * Sends until it is acknowledged: what a careful client does, with idempotency keys. A connection that breaks and
 * 503 are reasons to send again; anything else that is not acknowledged is a fault of ours.
 *
 * @param acknowledged whether an answer is what was hoped for
 */
export async function insist(
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

/** Nothing but "away" may be answered to a good request, and how long to wait with it. */
function isAway({ status, headers, body }: LegacyAnswer): boolean {
  if (status === 503) return Number(headers.get('retry-after')) > 0
  if (status !== 200) return false
  // Some of many were not written: told for each, in the list of results or in that of errors.
  const { errors = [], data } = body as Told
  const each = (data?.recordEvents?.results ?? []).flatMap(({ error }) => error ?? [])
  const codes = [...each, ...errors].map(({ code, extensions }) => extensions?.code ?? code)
  return codes.length > 0 && codes.every((code) => awayCodes.has(code))
}

interface Fault {
  readonly code?: unknown
  readonly extensions?: { readonly code: unknown }
}

interface Told {
  readonly errors?: readonly Fault[]
  readonly data?: {
    readonly recordEvents?: { readonly results: readonly { readonly error: Fault | null }[] }
  }
}
