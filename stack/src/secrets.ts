import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { databaseNames, type DatabaseName } from './databases/schemas.ts'

export type RolePasswords = Readonly<Record<'owner' | 'service', string>>

const random = () => randomBytes(32).toString('base64url')

/** Passwords of the embedded databases' roles. Lost ones are made anew: each start sets them. */
export async function rolePasswords(dataDir: string): Promise<Record<DatabaseName, RolePasswords>> {
  const { text } = await keep(path.join(dataDir, 'secrets.json'), () => {
    const made = databaseNames.map((name) => [name, { owner: random(), service: random() }])
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

export const keepMasterKey = (dataDir: string): Promise<Kept> =>
  keep(path.join(dataDir, 'master-key'), () => randomBytes(32).toString('base64'))

export const keepAdminKey = (dataDir: string): Promise<Kept> =>
  keep(path.join(dataDir, 'admin-api-key'), () => `us_a_${random()}`)

/** The text of a private file, made at the first start: whole or not at all, on disk before it is used. */
async function keep(file: string, generate: () => string): Promise<Kept> {
  const found = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  })
  if (found.trim() !== '') return { file, text: found.trim(), created: false }
  const text = generate()
  const unfinished = `${file}.new`
  await rm(unfinished, { force: true })
  const handle = await open(unfinished, 'wx', 0o600)
  await handle.writeFile(`${text}\n`)
  await handle.sync().finally(() => handle.close())
  await rename(unfinished, file)
  return { file, text, created: true }
}
