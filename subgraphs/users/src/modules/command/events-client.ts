import { Pool } from 'undici'
import type { ErasureStep } from '../erasure/erasing.ts'
import { bodyOf, readAnswer } from './apply.ts'
import type { Command } from './outbox.ts'

/** Milliseconds. Erasures answer after a second how far they came. */
const deadlines = {
  STORE_ACCESS: 5_000,
  KEY_REVOKED: 5_000,
  ERASE_USER: 30_000,
  DELETE_STORE: 30_000,
  STORE_SETTINGS: 5_000,
} as const

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
     * @returns how far the command is carried out, over all its attempts
     * @throws CommandError when it is not known to have been carried out
     */
    async apply(command: Command): Promise<ErasureStep> {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          authorization: `Bearer ${await token()}`,
        },
        body: bodyOf(command),
        signal: AbortSignal.timeout(deadlines[command.kind]),
        headersTimeout: deadlines[command.kind],
        bodyTimeout: deadlines[command.kind],
      })
      return readAnswer(statusCode, await body.text())
    },

    close: (): Promise<void> => pool.close(),
  }
}
