import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { CopiedTable } from '@user-stats/postgres'
import type { DatabaseName } from '../databases/schemas.ts'
import { writeDurably } from '../durable-file.ts'

export interface FileEntry {
  readonly path: string
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

/** A table whose rows are in a file, in COPY's text format, compressed with Zstandard. */
export interface DumpedTable extends CopiedTable {
  readonly file: string
  readonly rows: number
}

export interface DumpedDatabase {
  /** Those applied. */
  readonly migrations: readonly string[]
  /** Size on the server, indexes included. */
  readonly bytes: number
  readonly sequences: Readonly<Record<string, string>>
  readonly tables: readonly DumpedTable[]
}

interface Common {
  /** RFC 3339: the backup contains everything committed before. */
  readonly createdAt: string
  /** The id of its installation, see {@link ../tombstones/installation.ts}. */
  readonly installation: string
  /** Ids of the master keys that wrap its data keys. */
  readonly masterKeys: readonly string[]
  readonly files: readonly FileEntry[]
}

export interface BackupManifest extends Common {
  readonly format: 'user-statistics backup'
  readonly version: 2
  readonly databases: Readonly<Record<DatabaseName, DumpedDatabase>>
}

export interface KeysManifest extends Common {
  readonly format: 'user-statistics data keys'
  readonly version: 2
  /** Of the users database. */
  readonly migrations: readonly string[]
  readonly table: DumpedTable
}

/** Version 1 copied the files of stopped servers. */
export interface PhysicalBackupManifest extends Common {
  readonly format: 'user-statistics backup'
  readonly version: 1
  readonly postgres: string
  readonly migrations: Readonly<Record<DatabaseName, readonly string[]>>
}

/** Version 1 wrote one line of JSON per data key. */
export interface JsonKeysManifest extends Common {
  readonly format: 'user-statistics data keys'
  readonly version: 1
}

export type AnyManifest = BackupManifest | KeysManifest | PhysicalBackupManifest | JsonKeysManifest

export const manifestFile = 'manifest.json'

const digestOf = (manifest: object): string =>
  createHash('sha256').update(JSON.stringify(manifest)).digest('hex')

/** The last line of a manifest is its own digest. */
export async function writeManifest(dir: string, manifest: BackupManifest | KeysManifest): Promise<void> {
  const text = JSON.stringify({ ...manifest, sha256: digestOf(manifest) }, undefined, 1)
  await writeDurably(path.join(dir, manifestFile), `${text}\n`)
}

/**
 * @returns undefined when there is none
 * @throws Error with one line, when it is damaged, not a manifest, or of a later version
 */
export async function readManifest<M extends AnyManifest>(
  dir: string,
  format: M['format'],
): Promise<M | undefined> {
  const file = path.join(dir, manifestFile)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  })
  if (text === undefined) return undefined
  const damaged = new Error(`${file} is damaged: it is cut short, or was changed after it was written`)
  let found: Record<string, unknown> | null
  try {
    found = JSON.parse(text) as Record<string, unknown> | null
  } catch {
    throw damaged
  }
  if (found?.['format'] !== format) throw new Error(`${dir} is no ${format}`)
  if (found['version'] === 1) return found as unknown as M
  if (found['version'] !== 2) throw new Error(`${dir} was written by a newer version of this system`)
  const { sha256, ...manifest } = found
  if (sha256 !== digestOf(manifest)) throw damaged
  return manifest as unknown as M
}
