import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseOptions } from '../arguments.ts'

export interface BackupArguments {
  readonly to: string
  readonly keysTo: string
  readonly stop: boolean
}

const usage = 'npm run backup [-- --to DIR] [--keys-to DIR] [--stop]'

/**
 * Where to write: beside the data directory unless told.
 *
 * @throws Error with the usage
 */
export function readBackupArguments(args: readonly string[], dataDir: string): BackupArguments {
  const { values } = parseOptions(usage, () =>
    parseArgs({
      args: [...args],
      options: {
        to: { type: 'string', default: `${dataDir}-backups` },
        'keys-to': { type: 'string', default: `${dataDir}-key-backups` },
        stop: { type: 'boolean', default: false },
      },
    }),
  )
  const [to, keysTo] = [path.resolve(values.to), path.resolve(values['keys-to'])]
  if (isWithin(to, keysTo) || isWithin(keysTo, to))
    throw new Error('--to and --keys-to: expected two places, so that one alone opens nothing')
  for (const [option, dir] of Object.entries({ '--to': to, '--keys-to': keysTo }))
    if (isWithin(dataDir, dir)) throw new Error(`${option}: expected a place outside of ${dataDir}`)
  return { to, keysTo, stop: values.stop }
}

const isWithin = (outer: string, inner: string): boolean => {
  const relative = path.relative(outer, inner)
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative))
}
