import { pruneAuditLogs } from './audit-log/prune.ts'
import { failureLines } from './failure.ts'
import { createTerminal } from './terminal.ts'

// `npm run prune-audit-log -- <days>`
try {
  await pruneAuditLogs(process.argv[2] ?? '', process.env, createTerminal(process.stdout))
} catch (error) {
  process.exitCode = 1
  for (const line of failureLines(error)) process.stderr.write(`prune-audit-log: ${line}\n`)
}
