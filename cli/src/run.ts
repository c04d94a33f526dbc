import { setTimeout as delay } from 'node:timers/promises'
import { failureLines } from './failure.ts'
import { startStack } from './stack.ts'
import { createTerminal } from './terminal.ts'

/** npm passes a Ctrl-C on to a process that the terminal has told already: both are one. */
const sameSignal = 1_000

/**
 * Runs the stack until SIGINT, SIGTERM or SIGHUP: finishes what is in flight, then ends with status 0. A second signal
 * ends requests in flight. What keeps it from starting is one clear line and status 1.
 */
export async function runStack(process: NodeJS.Process): Promise<void> {
  const terminal = createTerminal(process.stdout)
  process.stderr.on('error', () => undefined)
  const stop = new AbortController()
  const hurry = new AbortController()
  let first = 0
  const onSignal = () => {
    if (!stop.signal.aborted) {
      first = Date.now()
      terminal.line('stopping', 'finishing what is in flight; again to hurry')
      stop.abort()
    } else if (Date.now() - first > sameSignal) hurry.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)

  try {
    await using _stack = await startStack(process.env, { terminal, signal: stop.signal, hurry: hurry.signal })
    await untilAborted(stop.signal)
  } catch (error) {
    const lines = failureLines(error)
    if (lines.length > 0) process.exitCode = 1
    for (const line of lines) process.stderr.write(`user-statistics: ${line}\n`)
  }
  // Nothing should be left that holds the process; if something is, it does not keep it.
  void delay(2_000, undefined, { ref: false }).then(() => process.exit())
}

/** Holds the process, as a promise alone does not. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  await delay(2 ** 31 - 1, undefined, { signal }).catch(() => undefined)
  if (!signal.aborted) await untilAborted(signal)
}
