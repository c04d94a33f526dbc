import type { Pool } from 'pg'
import { runWorkload } from '@user-stats/core'

/** Milliseconds between two requests to end a query: one may come just before the query begins. */
const again = 200

/**
 * Ends what a database connection is running once a signal is aborted, and goes on until it is told to stop. Its
 * connection must not be used for anything else afterwards: the last request may still be on its way.
 */
export function cancelOn(signal: AbortSignal, pool: Pool, backend: number) {
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function cancel(): void {
    // Through another connection: this one is busy. A failure is tried again like what came too early.
    // The service's own work: whose query it is may have no connection left.
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
