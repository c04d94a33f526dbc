import type { KnownKeys } from '../known-master-keys.ts'
import { masterKeyFile } from '../master-key.ts'
import type { SelectedBackup } from './select-backup.ts'

/**
 * Checks that a known master key opens the backup: unreadable data must not replace any.
 *
 * @throws Error naming the key needed and the known ones
 */
export function requireMasterKeys(dataDir: string, { backup, keys }: SelectedBackup, known: KnownKeys): void {
  const needed = [...new Set([...backup.manifest.masterKeys, ...keys.manifest.masterKeys])]
  const missing = needed.filter((id) => !known.all.some((key) => key.id === id))
  const file = masterKeyFile(dataDir)
  const remedy = 'To restore without it, and start once you have it, use --without-master-key.'
  if (missing.length > 0) {
    const here = known.current ? `${known.current.source} has the id ${known.current.id}` : 'there is none'
    const [id = ''] = missing
    throw new Error(
      `the backup is opened by the master key with the id ${missing.join(' and the one with the id ')}, and here ${here}. ` +
        (known.current
          ? `Put that key into ${file}-${id} (mode 0600): what is restored is then wrapped with the one there is. `
          : `Put that key into ${file} (mode 0600), or set MASTER_KEY. `) +
        remedy,
    )
  }
  if (!known.current)
    throw new Error(
      `there is no master key to start with: put one into ${file} (mode 0600), or set MASTER_KEY. ${remedy}`,
    )
}
