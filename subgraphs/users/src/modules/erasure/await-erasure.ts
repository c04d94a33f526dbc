import { DomainError } from '@user-stats/core'
import type { Commands } from '../../outbox/deliver.ts'
import type { ErasureRecord } from './erasure.types.ts'
import type { ErasureRepository } from './erasure.repository.ts'

export interface ErasureWaitOptions {
  readonly erasures: ErasureRepository
  readonly commands: Commands
  /** Maximum milliseconds that a request waits for the end of an erasure. */
  readonly maxWait: number
}

export type ErasureWait = ReturnType<typeof createErasureWait>

/** Waits for `work` for at most `maxWait`; the work continues after that. */
async function within<T>(work: Promise<T>, maxWait: number, late: () => Error): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(late())
  }, maxWait)
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

const late = (id: string): DomainError =>
  new DomainError('SERVICE_UNAVAILABLE', {
    message: `The erasure continues. Repeat the request to wait for its end, or query erasure(id: "${id}").`,
    retryAfter: 5,
  })

/** Waits for the end of an erasure on behalf of a request. */
export function createErasureWait({ erasures, commands, maxWait }: ErasureWaitOptions) {
  return {
    /**
     * Returns the finished erasure to every request that waits for it, and, if none did, to the first later
     * request.
     * After that the subject no longer exists.
     *
     * @param missing the error for a subject that no longer exists
     * @param signal aborted when the client has disconnected: the result then counts as not reported
     * @throws SERVICE_UNAVAILABLE when the end takes too long or the events service is unavailable
     */
    async of(
      erasure: ErasureRecord | undefined,
      missing: () => DomainError,
      signal: AbortSignal,
    ): Promise<ErasureRecord> {
      if (erasure === undefined) throw missing()
      const { id, storeId, commandId } = erasure
      if (erasure.state === 'DONE') {
        if (erasure.reportedAt !== null) throw missing()
      } else if (commandId !== null)
        await within(commands.deliver({ storeId, id: commandId, queue: 'ERASURE' }), maxWait, () => late(id))
      const done = await erasures.byId(storeId, id)
      if (done?.state !== 'DONE') throw late(id)
      if (!signal.aborted) await erasures.reported(done)
      return done
    },
  }
}
