import { readdirSync } from 'node:fs'
import path from 'node:path'
import { embeddedVersion } from '@user-stats/postgres'
import { findBackups, type Found } from '../backup/folder.ts'
import type {
  BackupManifest,
  JsonKeysManifest,
  KeysManifest,
  PhysicalBackupManifest,
} from '../backup/manifest.ts'
import { schemas, type DatabaseName } from '../databases/schemas.ts'
import { readTombstones, tombstonesFile } from '../tombstones/file.ts'

type AnyBackup = BackupManifest | PhysicalBackupManifest
type AnyKeys = KeysManifest | JsonKeysManifest

export interface SelectedBackup {
  readonly backup: Found<AnyBackup>
  readonly keys: Found<AnyKeys>
  /** Later backups in the same directory, whose tombstones apply. */
  readonly later: readonly Found<AnyBackup>[]
  /** The id of its installation; version 1 and version 2 differ. */
  readonly installations: ReadonlySet<string>
}

/**
 * The given backup, or the latest in a directory, and the latest data keys of the same installation, which no
 * longer contain those of erased users.
 *
 * @throws Error when there is none, or none usable here
 */
export async function selectBackup(from: string, keysFrom: string): Promise<SelectedBackup> {
  const [backup] = await findBackups<AnyBackup>(from, 'user-statistics backup')
  if (!backup) throw new Error(`${from}: there is no finished backup`)
  const { manifest, dir } = backup
  if (manifest.version === 1) await requireSameServer(manifest)
  for (const [name, known] of Object.entries(migrationsOf(manifest)))
    requireKnown(`the backup ${dir}`, name as DatabaseName, known)

  const installations = new Set([manifest.installation])
  if (manifest.version === 1)
    installations.add((await readTombstones(path.join(dir, tombstonesFile))).installation)
  const isOfSame = (found: Found<AnyBackup | AnyKeys>) => installations.has(found.manifest.installation)
  const [keys] = (await findBackups<AnyKeys>(keysFrom, 'user-statistics data keys')).filter(isOfSame)
  if (!keys)
    throw new Error(
      `${keysFrom}: there are no data keys of this installation. Without them no personal data can be read; name their directory with --keys-from.`,
    )
  if (keys.manifest.createdAt < manifest.createdAt)
    throw new Error(
      `${keys.dir} is older than the backup: users registered between would be lost. Name the directory of later data keys with --keys-from.`,
    )
  if (keys.manifest.version === 2) requireKnown(`the backup ${keys.dir}`, 'users', keys.manifest.migrations)
  const siblings = await findBackups<AnyBackup>(path.dirname(dir), 'user-statistics backup').catch(() => [])
  const later = siblings.filter((found) => isOfSame(found) && found.manifest.createdAt > manifest.createdAt)
  return { backup, keys, later, installations }
}

function migrationsOf(manifest: AnyBackup): Readonly<Record<DatabaseName, readonly string[]>> {
  if (manifest.version === 1) return manifest.migrations
  const { users, events } = manifest.databases
  return { users: users.migrations, events: events.migrations }
}

async function requireSameServer({ postgres }: PhysicalBackupManifest): Promise<void> {
  const here = await embeddedVersion()
  if (postgres !== here)
    throw new Error(
      `the backup has the files of PostgreSQL ${postgres}, here is version ${here}: restore it with the version of this system that made it.`,
    )
}

/** @throws Error naming a migration that is unknown to this version */
function requireKnown(what: string, name: DatabaseName, migrations: readonly string[]): void {
  const known = new Set(readdirSync(schemas[name].migrationsDir))
  const unknown = migrations.find((migration) => !known.has(migration))
  if (unknown !== undefined)
    throw new Error(
      `${what} was made by a newer version of this system: its ${name} database has the migration ${unknown}. Restore it with that version.`,
    )
}
