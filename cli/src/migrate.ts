import { failureLines } from './failure.ts'
import { runMigrate } from './migrate/command.ts'
import { createTerminal } from './terminal.ts'

// `npm run migrate -- status|deploy`
try {
  process.exitCode = await runMigrate(
    process.argv[2] ?? 'deploy',
    process.env,
    createTerminal(process.stdout),
  )
} catch (error) {
  process.exitCode = 1
  for (const line of failureLines(error)) process.stderr.write(`migrate: ${line}\n`)
}
