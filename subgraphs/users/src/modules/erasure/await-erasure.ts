import { DomainError } from '@user-stats/core'
import type { Commands } from '../../outbox/deliver.ts'
import type { ErasureRecord } from './erasure.types.ts'
import type { ErasureRows } from './erasure.repository.ts'

export interface OutcomeOptions {
  readonly erasures: ErasureRows
  readonly commands: Commands
  /** Milliseconds that somebody who asked for an erasure is kept waiting for its end. */
  readonly patience: number
}

export type Outcome = ReturnType<typeof createOutcome>

/** Waits for an end, but not too long. What is waited for goes on all the same. */
async function within<T>(work: Promise<T>, patience: number, late: () => Error): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(late())
  }, patience)
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

const late = (id: string): DomainError =>
  new DomainError('SERVICE_UNAVAILABLE', {
    message: `The erasure goes on. Repeat the request to wait for its end, or ask for erasure(id: "${id}").`,
    retryAfter: 5,
  })

/** What becomes of an erasure, for those who asked for it. */
export function createOutcome({ erasures, commands, patience }: OutcomeOptions) {
  return {
    /**
     * Waits for the end of an erasure. Its result is told to all who wait for it, and if nobody did, to the first who
     * asks later; after that there is nothing any more.
     *
     * @param missing the error for "there is nothing any more"
     * @param signal says that nobody waits for the answer any more: then it was not told
     * @throws SERVICE_UNAVAILABLE when the end takes too long or the events service is away
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
        await within(commands.deliver({ storeId, id: commandId, lane: 'ERASURE' }), patience, () => late(id))
      const done = await erasures.byId(storeId, id)
      if (done?.state !== 'DONE') throw late(id)
      if (!signal.aborted) await erasures.reported(done)
      return done
    },
  }
}
