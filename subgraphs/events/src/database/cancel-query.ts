import type { Pool } from 'pg'
import { runWorkload } from '@user-stats/core'

/** Milliseconds between two cancel requests: one may arrive just before the query begins. */
const again = 200

/**
 * Cancels the running query of a connection once a signal is aborted, repeatedly until stopped. The
 * connection must not be used for anything else afterwards: the last cancel request may still be in flight.
 */
export function cancelOn(signal: AbortSignal, pool: Pool, backend: number) {
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function cancel(): void {
    // On another connection: this one is busy. A failed request is repeated like an early one.
    // In the service's own workload: the query's tenant may have no free connection.
    void runWorkload(undefined, () => pool.query('SELECT pg_cancel_backend($1)', [backend]))
      .catch(() => undefined)
      .finally(() => {
        if (!stopped) timer = setTimeout(cancel, again)
      })
  }

  if (signal.aborted) cancel()
  else signal.addEventListener('abort', cancel, { once: true })
  return {
    stop: (): void => {
      stopped = true
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
    },
  }
}
