import { runCommand } from './command.ts'
import { runExportErasures } from './tombstones/command.ts'

// `npm run export-erasures -- --to FILE`
await runCommand('export-erasures', process, async ({ terminal }) => {
  await runExportErasures(process.argv.slice(2), process.env, terminal)
  return 0
})
