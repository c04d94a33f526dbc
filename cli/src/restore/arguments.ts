import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseOptions } from '../arguments.ts'

export interface RestoreArguments {
  readonly from: string
  readonly keysFrom: string
  readonly tombstones: readonly string[]
  readonly stop: boolean
  /** Whether data that is there is replaced. */
  readonly force: boolean
  /** Whether what was erased since is lost when the data to be replaced cannot be read. */
  readonly ignoreReplaced: boolean
}

const usage =
  'npm run restore -- --from DIR [--keys-from DIR] [--tombstones FILE …] [--force [--ignore-replaced]] [--stop]'

/** @throws Error with the usage */
export function readRestoreArguments(args: readonly string[], dataDir: string): RestoreArguments {
  const { values } = parseOptions(usage, () =>
    parseArgs({
      args: [...args],
      options: {
        from: { type: 'string' },
        'keys-from': { type: 'string', default: `${dataDir}-key-backups` },
        tombstones: { type: 'string', multiple: true, default: [] },
        stop: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
        'ignore-replaced': { type: 'boolean', default: false },
      },
    }),
  )
  if (values.from === undefined)
    throw new Error(`--from: expected a backup, or a directory of backups. Usage: ${usage}`)
  return {
    from: path.resolve(values.from),
    keysFrom: path.resolve(values['keys-from']),
    tombstones: values.tombstones.map((file) => path.resolve(file)),
    stop: values.stop,
    force: values.force,
    ignoreReplaced: values['ignore-replaced'],
  }
}
