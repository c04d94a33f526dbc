import { runCommand } from './command.ts'
import { runVerify } from './verify/command.ts'

// `npm run verify`
await runCommand('verify', process, ({ terminal }) => runVerify(process.argv.slice(2), process.env, terminal))
