import path from 'node:path'

export interface BackupOptions {
  readonly to?: string
  readonly keysTo?: string
  /** Has no effect; accepted for scripts of the previous version. */
  readonly stop?: boolean
}

/**
 * The target directory: by default, next to the data directory.
 *
 * @throws Error naming the option
 */
export function directoriesOf(options: BackupOptions, dataDir: string) {
  const to = path.resolve(options.to ?? `${dataDir}-backups`)
  const keysTo = path.resolve(options.keysTo ?? `${dataDir}-key-backups`)
  if (isWithin(to, keysTo) || isWithin(keysTo, to))
    throw new Error('--to and --keys-to: expected two directories, so that one alone opens nothing')
  for (const [option, dir] of Object.entries({ '--to': to, '--keys-to': keysTo }))
    if (isWithin(dataDir, dir)) throw new Error(`${option}: expected a place outside of ${dataDir}`)
  return { to, keysTo } as const
}

const isWithin = (outer: string, inner: string): boolean => {
  const relative = path.relative(outer, inner)
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative))
}
