import { failureLines } from './failure.ts'
import { runRotate } from './rotate/command.ts'
import { createTerminal } from './terminal.ts'

// `npm run rotate:master-key`, `npm run rotate:signing-key`
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    stop.abort()
  })
try {
  await runRotate(process.argv.slice(2), process.env, createTerminal(process.stdout), stop.signal)
} catch (error) {
  process.exitCode = 1
  const lines = failureLines(error)
  for (const line of stop.signal.aborted ? ['interrupted: run it again to go on', ...lines] : lines)
    process.stderr.write(`rotate: ${line}\n`)
}
