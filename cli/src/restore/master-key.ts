import type { KnownKeys } from '../known-master-keys.ts'
import { masterKeyFile } from '../master-key.ts'
import type { Chosen } from './choose.ts'

/**
 * Whether what is to be restored can be opened here: data that nobody can read must not replace any.
 *
 * @throws Error naming the key that is needed and those that are here
 */
export function requireMasterKeys(dataDir: string, { backup, keys }: Chosen, known: KnownKeys): void {
  const needed = [...new Set([...backup.manifest.masterKeys, ...keys.manifest.masterKeys])]
  const missing = needed.filter((id) => !known.all.some((key) => key.id === id))
  const file = masterKeyFile(dataDir)
  const insist = 'Restore without it, and start when you have found it, with --without-master-key.'
  if (missing.length > 0) {
    const here = known.current ? `${known.current.source} has the id ${known.current.id}` : 'there is none'
    const [id = ''] = missing
    throw new Error(
      `the backup is opened by the master key with the id ${missing.join(' and the one with the id ')}, and here ${here}. ` +
        (known.current
          ? `Put that key into ${file}-${id} (mode 0600): what is restored is then wrapped with the one there is. `
          : `Put that key into ${file} (mode 0600), or set MASTER_KEY. `) +
        insist,
    )
  }
  if (!known.current)
    throw new Error(
      `there is no master key to start with: put one into ${file} (mode 0600), or set MASTER_KEY. ${insist}`,
    )
}
