import { runCommand } from './command.ts'
import { runReplayErasures } from './tombstones/command.ts'

// `npm run replay-erasures -- --from FILE`
await runCommand('replay-erasures', process, async ({ terminal }) => {
  await runReplayErasures(process.argv.slice(2), process.env, terminal)
  return 0
})
