import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { acceptFormerNames, nearMisses } from '@user-stats/config'
import type { CommandContext } from './command-context.ts'
import type { CommandDefinition } from './commands.ts'
import { variableNames } from './env.ts'
import { failureLines, UsageError } from './failure.ts'
import { createTerminal } from './terminal.ts'

/**
 * npm forwards a Ctrl-C to a process that the terminal has also signalled: two signals within this time count
 * as one.
 */
const sameSignal = 1_000

/**
 * Runs a command. The exit status is what the command returns; 1 if it fails, with each reason on a line; 128
 * plus the signal's number if a signal interrupted it.
 */
export async function runCommand(
  { load, interrupted }: CommandDefinition,
  values: Readonly<Record<string, unknown>>,
  process: NodeJS.Process,
): Promise<void> {
  const stop = new AbortController()
  const hurry = new AbortController()
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (first === undefined) {
        first = { signal, at: Date.now() }
        stop.abort()
      } else if (Date.now() - first.at > sameSignal) hurry.abort()
    })
  const terminal = createTerminal(process.stdout)
  const { env, warnings } = acceptFormerNames(process.env)
  for (const warning of [...warnings, ...nearMisses(env, variableNames(env))])
    terminal.line('config', warning)
  const context: CommandContext = {
    env,
    terminal,
    signal: stop.signal,
    hurry: hurry.signal,
  }
  try {
    const run = await load()
    stop.signal.throwIfAborted()
    process.exitCode = await run({ ...values, ...context } as never)
  } catch (error) {
    const lines = failureLines(error)
    if (first !== undefined && interrupted !== undefined) lines.unshift(interrupted)
    const failed = error instanceof UsageError ? 2 : 1
    process.exitCode = first === undefined ? failed : 128 + constants.signals[first.signal]
    for (const line of lines) process.stderr.write(`user-stats: ${line}\n`)
  }
  // Nothing should keep the process alive now; if something does, end it.
  void delay(2_000, undefined, { ref: false }).then(() => process.exit())
}
