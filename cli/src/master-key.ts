import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { masterKeyId, parseMasterKey } from '@user-stats/users/keys'
import { readText, removeFile, replaceFile } from './durable-file.ts'

export const masterKeyFile = (folder: string): string => path.join(folder, 'master-key')
const previousFile = (folder: string): string => path.join(folder, 'master-key-previous')

export const randomMasterKey = (): string => randomBytes(32).toString('base64')

/** The previous master key, while it is being replaced. */
export const previousMasterKeyOf = (folder: string): Promise<string | undefined> =>
  readText(previousFile(folder))

export interface KeyChange {
  readonly current: string
  readonly previous: string
  /** The file that keeps the previous key for backups made under it. */
  readonly kept: string
  /** Whether the replacement had begun before. */
  readonly resumed: boolean
}

/**
 * Begins or continues to replace a master key that is kept in a folder: the existing key is kept as
 * `master-key-<id>` for backups made under it, and as `master-key-previous` for services; then a new key is
 * written. At each moment every key in use is in one of these files.
 *
 * @param mode permissions of the files
 * @throws Error with a one-line message when there is no key
 */
export async function beginKeyChange(folder: string, mode = 0o600): Promise<KeyChange> {
  const known = await readText(masterKeyFile(folder))
  if (known === undefined)
    throw new Error(`there is no master key in ${folder}. The first start makes one; or set MASTER_KEY.`)
  const previous = await previousMasterKeyOf(folder)
  // The files are equal when it was interrupted between the two writes.
  if (previous !== undefined && previous !== known)
    return { current: known, previous, kept: await keepUnderId(folder, previous, mode), resumed: true }
  const kept = await keepUnderId(folder, known, mode)
  await replaceFile(previousFile(folder), known, mode)
  await replaceFile(masterKeyFile(folder), randomMasterKey(), mode)
  const current = await readText(masterKeyFile(folder))
  if (current === undefined) throw new Error(`the new master key in ${folder} cannot be read back`)
  return { current, previous: known, kept, resumed: false }
}

/** @returns the file */
async function keepUnderId(folder: string, text: string, mode: number): Promise<string> {
  const key = parseMasterKey(text)
  if (key === undefined) throw new Error(`a master key kept in ${folder} is not 32 bytes: restore its file`)
  const file = path.join(folder, `master-key-${masterKeyId(key)}`)
  if ((await readText(file)) !== text) await replaceFile(file, text, mode)
  return file
}

/** Completes the replacement: services no longer need the previous key. */
export const endKeyChange = (folder: string): Promise<void> => removeFile(previousFile(folder))

/**
 * The same where `master-key-previous` must exist: it is emptied.
 *
 * @returns the file that keeps the previous key
 */
export async function retirePreviousKey(folder: string, mode: number): Promise<string | undefined> {
  const previous = await previousMasterKeyOf(folder)
  if (previous === undefined) return undefined
  const kept = await keepUnderId(folder, previous, mode)
  await replaceFile(previousFile(folder), '', mode)
  return kept
}
