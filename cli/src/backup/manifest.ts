import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { DatabaseName } from '../databases/schemas.ts'

export interface FileEntry {
  readonly path: string
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

/** What a backup of the databases says of itself. */
export interface BackupManifest {
  readonly format: 'user-statistics backup'
  readonly version: 1
  /** RFC 3339. */
  readonly createdAt: string
  /** Tells the installations apart: the users cluster's own identifier, which every copy keeps. */
  readonly installation: string
  readonly postgres: string
  readonly platform: string
  readonly migrations: Readonly<Record<DatabaseName, readonly string[]>>
  /** Which master keys its data keys are wrapped by. */
  readonly masterKeys: readonly string[]
  readonly rows: { readonly stores: number; readonly users: number; readonly events: number }
  /** Whether the rollups were what a recount said. */
  readonly verified: boolean
  readonly files: readonly FileEntry[]
}

/** What a backup of users' data keys says of itself. */
export interface KeysManifest {
  readonly format: 'user-statistics data keys'
  readonly version: 1
  readonly createdAt: string
  readonly installation: string
  readonly masterKeys: readonly string[]
  readonly keys: number
  readonly files: readonly FileEntry[]
}

const manifestFile = 'manifest.json'

export async function writeManifest(dir: string, manifest: BackupManifest | KeysManifest): Promise<void> {
  await writeDurably(path.join(dir, manifestFile), `${JSON.stringify(manifest, undefined, 1)}\n`)
}

/** Private, and on disk when this ends. */
export async function writeDurably(file: string, text: string | Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * @returns undefined where there is none
 * @throws Error, one line, when it is none of this kind or of a later version
 */
export async function readManifest<M extends BackupManifest | KeysManifest>(
  dir: string,
  format: M['format'],
): Promise<M | undefined> {
  const text = await readFile(path.join(dir, manifestFile), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  let found: Partial<M>
  try {
    found = JSON.parse(text) as Partial<M>
  } catch {
    throw new Error(`${path.join(dir, manifestFile)} is damaged`)
  }
  if (found.format !== format) throw new Error(`${dir} holds no ${format}`)
  if (found.version !== 1) throw new Error(`${dir} was written by a newer version of this system`)
  return found as M
}

/** All files below a directory, with their digests. */
export async function digestTree(
  dir: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<FileEntry[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
    .filter((name) => name !== manifestFile)
    .sort()
  const files: FileEntry[] = []
  for (const name of names) {
    const file = path.join(dir, name)
    const hash = createHash('sha256')
    await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash)
    const { size } = await stat(file)
    files.push({ path: name, bytes: size, sha256: hash.digest('hex') })
    onBytes(size)
  }
  return files
}

/**
 * Compares what lies in a directory with its manifest.
 *
 * @throws Error naming the first file that is missing, changed or too many
 */
export async function checkFiles(
  dir: string,
  manifest: Pick<BackupManifest, 'files'>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const found = new Map((await digestTree(dir, onBytes)).map((file) => [file.path, file]))
  for (const { path: name, sha256 } of manifest.files) {
    const file = found.get(name)
    if (!file) throw new Error(`${dir} is damaged: ${name} is missing`)
    if (file.sha256 !== sha256) throw new Error(`${dir} is damaged: ${name} is not what was backed up`)
    found.delete(name)
  }
  const [more] = found.keys()
  if (more !== undefined) throw new Error(`${dir} is damaged: ${more} was not backed up`)
}
