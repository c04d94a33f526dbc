import { rm } from 'node:fs/promises'
import type { Queryable } from '../databases/queryable.ts'
import type { Terminal } from '../terminal.ts'
import { findBackups } from './folder.ts'
import type { JsonKeysManifest, KeysManifest } from './manifest.ts'

export interface OldKeysOptions {
  /** Backups made until then are deleted. */
  readonly before: Date
  readonly users: Queryable
  /** Of the newest backup. */
  readonly about: Pick<KeysManifest, 'installation' | 'masterKeys'>
  readonly terminal: Terminal
}

/**
 * Deletes old backups of this installation's data keys: an erased user's data in older backups is readable
 * only while a backup contains the user's key.
 *
 * @returns whether all backups could be read
 */
export async function deleteOldKeys(dir: string, options: OldKeysOptions): Promise<boolean> {
  const { before, users, about, terminal } = options
  const formerly = await systemIdentifier(users)
  const isOurs = ({ version, installation, masterKeys }: KeysManifest | JsonKeysManifest) =>
    version === 1
      ? installation === formerly || masterKeys.some((id) => about.masterKeys.includes(id))
      : installation === about.installation
  const found = await findBackups<KeysManifest | JsonKeysManifest>(dir, 'user-statistics data keys').catch(
    (error: unknown) => {
      terminal.line('wrong', `${(error as Error).message}: no old data keys were deleted`)
      return undefined
    },
  )
  for (const { dir: old, manifest } of found ?? [])
    if (isOurs(manifest) && new Date(manifest.createdAt) <= before) {
      await rm(old, { recursive: true })
      terminal.line('keys', `${old}: deleted, too old`)
    }
  return found !== undefined
}

/** The id of an installation in version 1. */
async function systemIdentifier(users: Queryable): Promise<string | undefined> {
  const { rows } = await users.query<{ id: string }>(
    'SELECT system_identifier::text AS id FROM pg_control_system()',
  )
  return rows[0]?.id
}
