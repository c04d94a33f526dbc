import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { databaseNames, type DatabaseName } from './databases/schemas.ts'
import { masterKeyFile, randomMasterKey } from './master-key.ts'
import { keepPrivate, readText, replaceFile } from './durable-file.ts'

export type RolePasswords = Readonly<Record<'owner' | 'service', string>>

/** 256 random bits, for passwords and keys. */
export const randomSecret = (): string => randomBytes(32).toString('base64url')

/** Passwords of the embedded databases' roles. Lost ones are generated again: each start sets them. */
export async function rolePasswords(dataDir: string): Promise<Record<DatabaseName, RolePasswords>> {
  const { text } = await keep(path.join(dataDir, 'secrets.json'), () => {
    const made = databaseNames.map((name) => [name, { owner: randomSecret(), service: randomSecret() }])
    return JSON.stringify(Object.fromEntries(made), undefined, 2)
  })
  return JSON.parse(text) as Record<DatabaseName, RolePasswords>
}

export interface Kept {
  readonly file: string
  readonly text: string
  /** Whether this call generated it. */
  readonly created: boolean
}

export const keepMasterKey = (dataDir: string): Promise<Kept> => keep(masterKeyFile(dataDir), randomMasterKey)

export const keepAdminKey = (dataDir: string): Promise<Kept> =>
  keep(path.join(dataDir, 'admin-api-key'), () => `us_a_${randomSecret()}`)

/** The text of a private file, generated at the first start, on disk before it is used. */
async function keep(file: string, generate: () => string): Promise<Kept> {
  const found = await readText(file)
  if (found !== undefined) {
    await keepPrivate(file)
    return { file, text: found, created: false }
  }
  const text = generate()
  await replaceFile(file, text)
  return { file, text, created: true }
}
