import { runBackup } from './backup/command.ts'
import { runCommand } from './command.ts'

// `npm run backup [-- --to DIR] [--keys-to DIR] [--stop]`
await runCommand('backup', process, (options) => runBackup(process.argv.slice(2), process.env, options))
