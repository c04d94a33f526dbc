import { setTimeout as delay } from 'node:timers/promises'
import type { CommandContext } from './command-context.ts'
import type { StartOptions } from './env.ts'
import { startStack } from './stack.ts'

/**
 * Runs everything until the signal: then it finishes requests in flight and stops services and databases.
 *
 * @throws AbortError when the signal came before all was ready; what had been started is stopped then
 * @throws Error with a one-line message when it cannot start
 */
export async function runStart({ env, ...options }: CommandContext & StartOptions): Promise<number> {
  const { signal, terminal } = options
  signal?.addEventListener('abort', () => {
    terminal.line('stopping', 'finishing requests in flight; interrupt again to stop at once')
  })
  await using _stack = await startStack(env, options)
  await untilAborted(signal)
  return 0
}

/** Keeps the process alive, which a promise alone does not. */
export async function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  await delay(2 ** 31 - 1, undefined, { ...(signal && { signal }) }).catch(() => undefined)
  if (signal?.aborted !== true) await untilAborted(signal)
}
