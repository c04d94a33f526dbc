import { failureLines } from './failure.ts'
import { createTerminal, type Terminal } from './terminal.ts'

/**
 * Runs an operator's command: its exit status is what it answers, 1 when it fails, each reason a line. The first
 * SIGINT or SIGTERM gives it up, undoing what is half done.
 */
export async function runCommand(
  name: string,
  process: NodeJS.Process,
  run: (options: { terminal: Terminal; signal: AbortSignal }) => Promise<number>,
): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      stop.abort()
    })
  try {
    process.exitCode = await run({ terminal: createTerminal(process.stdout), signal: stop.signal })
  } catch (error) {
    process.exitCode = 1
    const lines = stop.signal.aborted ? ['given up; nothing was changed'] : failureLines(error)
    for (const line of lines) process.stderr.write(`${name}: ${line}\n`)
  }
}
