import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { createMasterKeys, parseMasterKey } from '@user-stats/users/keys'
import { readText, removeFile, replaceFile } from './private-file.ts'

export const masterKeyFile = (folder: string): string => path.join(folder, 'master-key')
const previousFile = (folder: string): string => path.join(folder, 'master-key-previous')

export const randomMasterKey = (): string => randomBytes(32).toString('base64')

/** The master key before, while it is being replaced. */
export const previousMasterKeyOf = (folder: string): Promise<string | undefined> =>
  readText(previousFile(folder))

export interface KeyChange {
  readonly current: string
  readonly previous: string
  /** Whether it had begun before. */
  readonly resumed: boolean
}

/**
 * Begins to replace a master key that is kept in a folder, or goes on with it: the key there is becomes
 * `master-key-previous`, then a new one takes its place. At each moment every key in use is in one of the two.
 *
 * @param mode permissions of the files
 * @throws Error in the operator's terms when there is no key
 */
export async function beginKeyChange(folder: string, mode = 0o600): Promise<KeyChange> {
  const known = await readText(masterKeyFile(folder))
  if (known === undefined)
    throw new Error(`there is no master key in ${folder}. The first start makes one; or set MASTER_KEY.`)
  const previous = await previousMasterKeyOf(folder)
  // Alike they are when it broke off between the two.
  if (previous !== undefined && previous !== known) return { current: known, previous, resumed: true }
  await replaceFile(previousFile(folder), known, mode)
  const current = randomMasterKey()
  await replaceFile(masterKeyFile(folder), current, mode)
  return { current, previous: known, resumed: false }
}

/** Ends it: nothing needs the key before any more. */
export const endKeyChange = (folder: string): Promise<void> => removeFile(previousFile(folder))

/**
 * The same where this is not known for sure, and where the file has to be there: the key before is put aside under
 * its id.
 *
 * @returns the file it is kept in
 */
export async function putAsidePrevious(folder: string, mode: number): Promise<string | undefined> {
  const previous = await previousMasterKeyOf(folder)
  const key = previous === undefined ? undefined : parseMasterKey(previous)
  if (previous === undefined || key === undefined) return undefined
  const file = path.join(folder, `master-key-${createMasterKeys(key).id}`)
  await replaceFile(file, previous, mode)
  await replaceFile(previousFile(folder), '', mode)
  return file
}
