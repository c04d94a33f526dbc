import { setTimeout as delay } from 'node:timers/promises'

export interface GatewayOptions {
  readonly url: string
  readonly key: string
  readonly signal?: AbortSignal | undefined
}

interface Call {
  readonly path: string
  readonly type: string
  readonly body: string
}

const attempts = 8
const longestPause = 30_000
const callTimeout = 120_000

/** What a gateway answers that will not be other when it is asked again. */
class RefusedError extends Error {}

/** Calls a gateway with an API key: signs in, and tries again when it is away or overloaded. */
export function createGateway({ url, key, signal }: GatewayOptions) {
  let token: string | undefined

  async function send({ path, type, body }: Call, authorization?: string): Promise<Response> {
    const timeout = AbortSignal.timeout(callTimeout)
    return await fetch(new URL(path, url), {
      method: 'POST',
      headers: { 'content-type': type, ...(authorization !== undefined && { authorization }) },
      body,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
  }

  async function signIn(): Promise<string> {
    const response = await send({
      path: '/api/auth/',
      type: 'application/json',
      body: JSON.stringify({ api_key: key }),
    })
    const answer = (await response.json()) as { access_token?: string; detail?: string }
    if (response.ok && answer.access_token !== undefined) return answer.access_token
    const message = `${url} refuses USER_STATS_KEY: ${answer.detail ?? String(response.status)}`
    throw isTemporary(response.status) ? new Error(message) : new RefusedError(message)
  }

  async function once(call: Call): Promise<unknown> {
    token ??= await signIn()
    const response = await send(call, `Bearer ${token}`)
    const text = await response.text()
    if (response.ok) return JSON.parse(text)
    if (response.status === 401) {
      token = undefined
      throw new Error(`${url} answers 401`)
    }
    const { detail = text.slice(0, 200) } = parse(text)
    const error = isTemporary(response.status)
      ? new Error(`${url} answers ${String(response.status)}: ${detail}`)
      : new RefusedError(`${url} answers ${String(response.status)}: ${detail}`)
    throw Object.assign(error, { retryAfter: Number(response.headers.get('retry-after')) || 0 })
  }

  return {
    /** Sends a body and returns the parsed answer. @throws Error in the operator's terms */
    async post(call: Call): Promise<unknown> {
      for (let attempt = 1; ; attempt += 1)
        try {
          return await once(call)
        } catch (error) {
          if (error instanceof RefusedError || signal?.aborted === true || attempt === attempts)
            throw withReason(error, url)
          const { retryAfter = 0 } = error as { retryAfter?: number }
          const pause = Math.min(longestPause, 500 * 2 ** attempt) * (0.5 + Math.random() / 2)
          await delay(Math.max(retryAfter * 1_000, pause), undefined, signal && { signal })
        }
    },
  }
}

export type Gateway = ReturnType<typeof createGateway>

const isTemporary = (status: number): boolean => status === 429 || status >= 500

function parse(text: string): { detail?: string } {
  try {
    return JSON.parse(text) as { detail?: string }
  } catch {
    return {}
  }
}

/** `fetch` says no more than that it failed. */
const withReason = (error: unknown, url: string): unknown =>
  error instanceof TypeError ? new Error(`${url} cannot be reached`, { cause: error }) : error
