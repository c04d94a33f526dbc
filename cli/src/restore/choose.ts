import { readdirSync } from 'node:fs'
import path from 'node:path'
import { embeddedVersion } from '@user-stats/postgres'
import { findBackups, type Found } from '../backup/folder.ts'
import type { BackupManifest, KeysManifest } from '../backup/manifest.ts'
import { databaseNames, schemas } from '../databases/schemas.ts'

export interface Chosen {
  readonly backup: Found<BackupManifest>
  readonly keys: Found<KeysManifest>
  /** Later backups beside it, whose tombstones count. */
  readonly later: readonly Found<BackupManifest>[]
}

/**
 * The backup asked for, or the newest in a directory, and the newest data keys of the same installation: those of
 * users erased since are not among them.
 *
 * @throws Error when there is none, or one that cannot be used here
 */
export async function chooseBackup(from: string, keysFrom: string): Promise<Chosen> {
  const [backup] = await findBackups<BackupManifest>(from, 'user-statistics backup')
  if (!backup) throw new Error(`${from}: there is no finished backup`)
  const { manifest, dir } = backup
  await requireFit(manifest)

  const ofSame = <M extends { installation: string }>(found: Found<M>) =>
    found.manifest.installation === manifest.installation
  const [keys] = (await findBackups<KeysManifest>(keysFrom, 'user-statistics data keys')).filter(ofSame)
  if (!keys)
    throw new Error(
      `${keysFrom}: there are no data keys of this installation. Without them nobody's personal data can be read; name their place with --keys-from.`,
    )
  if (keys.manifest.createdAt < manifest.createdAt)
    throw new Error(
      `${keys.dir} is older than the backup: users registered between would be lost. Name the place of later data keys with --keys-from.`,
    )
  const siblings = await findBackups<BackupManifest>(path.dirname(dir), 'user-statistics backup').catch(
    () => [],
  )
  const later = siblings.filter((found) => ofSame(found) && found.manifest.createdAt > manifest.createdAt)
  return { backup, keys, later }
}

async function requireFit({ postgres, migrations }: BackupManifest): Promise<void> {
  const here = await embeddedVersion()
  if (postgres !== here)
    throw new Error(
      `the backup is of PostgreSQL ${postgres}, here is version ${here}: restore it with the version of this system that made it.`,
    )
  for (const name of databaseNames) {
    const known = new Set(readdirSync(schemas[name].migrationsDir))
    const unknown = migrations[name].find((migration) => !known.has(migration))
    if (unknown !== undefined)
      throw new Error(
        `the backup was made by a newer version of this system: its ${name} database has the migration ${unknown}.`,
      )
  }
}
