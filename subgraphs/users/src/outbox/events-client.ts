import { Pool } from 'undici'
import type { Breaker } from '@user-stats/core'
import { requestBody, parseResponse, type CommandProgress } from './apply.ts'
import type { Command } from './outbox-repository.ts'

/** Milliseconds. An erasure step reports progress after about a second. */
const deadlines = {
  STORE_ACCESS: 5_000,
  KEY_REVOKED: 5_000,
  ERASE_USER: 30_000,
  DELETE_STORE: 30_000,
  STORE_SETTINGS: 5_000,
} as const

export type EventsClient = ReturnType<typeof createEventsClient>

export interface EventsClientOptions {
  readonly url: string
  readonly token: () => Promise<string>
  readonly breaker: Breaker
}

/** Sends commands to the events service. */
export function createEventsClient({ url, token, breaker }: EventsClientOptions) {
  const pool = new Pool(new URL(url).origin, { connections: 4, connect: { timeout: 2_000 } })
  const path = new URL('/graphql', url).pathname

  async function send(command: Command): Promise<{ statusCode: number; text: string }> {
    const authorization = `Bearer ${await token()}`
    const permit = breaker.tryAcquire()
    if (permit === 0) throw new Error('the circuit to the events service is open')
    try {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json', accept: 'application/json', authorization },
        body: requestBody(command),
        signal: AbortSignal.timeout(deadlines[command.kind]),
        headersTimeout: deadlines[command.kind],
        bodyTimeout: deadlines[command.kind],
      })
      const text = await body.text()
      // A refusal is an answer of the service; a proxy in front of it answers 5xx in HTML.
      if (statusCode < 500 || text.startsWith('{')) breaker.onSuccess()
      else breaker.onFailure(permit)
      return { statusCode, text }
    } catch (error) {
      breaker.onFailure(permit)
      throw error
    }
  }

  return {
    /**
     * @returns the progress of the command over all attempts
     * @throws CommandError when the command is not known to have been executed
     */
    async apply(command: Command): Promise<CommandProgress> {
      const { statusCode, text } = await send(command)
      return parseResponse(statusCode, text)
    },

    close: (): Promise<void> => pool.close(),
  }
}
