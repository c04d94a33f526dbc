import { runCommand } from './command.ts'
import { runRestore } from './restore/command.ts'

// `npm run restore -- --from DIR [--keys-from DIR] [--tombstones FILE] [--force] [--stop]`
await runCommand('restore', process, (options) => runRestore(process.argv.slice(2), process.env, options))
