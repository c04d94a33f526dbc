import type { QueuedEvent } from './types.ts'

/** The gateway has answered, and asking again changes nothing. */
export class RejectedError extends Error {}

/** The gateway is away or overloaded, or the network is. */
export class UnavailableError extends Error {
  /** Milliseconds. */
  readonly retryAfter: number
  constructor(message: string, retryAfter = 0) {
    super(message)
    this.retryAfter = retryAfter
  }
}

export interface Fault {
  /** The event in the batch, from 1. */
  readonly line: number
  readonly code: string
  readonly message: string
}

const timeout = 30_000
/**
 * Events of this age are sent without a time while the clock of the gateway is not known: it is the time of
 * receipt.
 */
const fresh = 5_000

/** Sends events to the gateway, and signs in for it. Learns by how much this machine's clock is wrong. */
export function createGateway(url: string, key: string) {
  /** May be published, and is sent in the body: a request without headers of its own needs no preflight. */
  const publishable = key.startsWith('us_w_')
  let token: string | undefined
  /** Milliseconds that the gateway's clock is ahead. */
  let offset: number | undefined

  async function post(path: string, body: string, keepalive: boolean): Promise<Response> {
    const began = Date.now()
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      body,
      keepalive,
      credentials: 'omit',
      headers: {
        'content-type': publishable
          ? 'text/plain'
          : path === '/api/events'
            ? 'application/x-ndjson'
            : 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      signal: AbortSignal.timeout(timeout),
    }).catch((error: unknown) => {
      throw new UnavailableError(String(error))
    })
    const date = Date.parse(response.headers.get('date') ?? '')
    // It has whole seconds.
    if (!Number.isNaN(date)) offset = date + 500 - (began + Date.now()) / 2
    return response
  }

  async function requireOk(response: Response): Promise<Response> {
    const { ok, status, headers } = response
    if (ok) return response
    const seconds = Number(headers.get('retry-after')) || 0
    const message = `${url} answers ${String(status)}: ${(await response.text()).slice(0, 300)}`
    if (status === 408 || status === 429 || status >= 500)
      throw new UnavailableError(message, 1_000 * seconds)
    throw new RejectedError(message)
  }

  async function signIn(): Promise<void> {
    token = undefined
    const response = await requireOk(await post('/api/auth/', JSON.stringify({ api_key: key }), false))
    token = ((await response.json()) as { access_token: string }).access_token
  }

  function lineOf(event: QueuedEvent): string {
    const at = Date.parse(event.occurred_at)
    // A clock that is a few seconds off is left alone: requests take time, too.
    const correction = Math.abs(offset ?? 0) < 2_000 ? 0 : (offset ?? 0)
    const occurred_at =
      offset === undefined && Math.abs(Date.now() - at) < fresh
        ? undefined
        : new Date(at + correction).toISOString()
    return JSON.stringify({ ...event, occurred_at })
  }

  return {
    /** Whether a request can be sent at once. */
    ready: (): boolean => publishable || token !== undefined,

    /** @returns what is wrong with single events @throws UnavailableError, RejectedError */
    async send(events: readonly QueuedEvent[], keepalive: boolean): Promise<readonly Fault[]> {
      if (!publishable && token === undefined) await signIn()
      const first = publishable ? [JSON.stringify({ key })] : []
      const body = () => [...first, ...events.map(lineOf)].join('\n')
      let response = await post('/api/events', body(), keepalive)
      if (response.status === 401 && !publishable) {
        await signIn()
        response = await post('/api/events', body(), keepalive)
      }
      const { errors } = (await (await requireOk(response)).json()) as { errors: readonly Fault[] }
      return errors
    },
  }
}
