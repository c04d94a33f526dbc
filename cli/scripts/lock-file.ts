import { readFile } from 'node:fs/promises'

export const root = new URL('../../', import.meta.url)

/** An entry of package-lock.json; dependencies are by name. */
export interface LockEntry {
  /** Of what is installed under another name. */
  readonly name?: string
  readonly version?: string
  readonly license?: string
  /** True where only development needs it. */
  readonly dev?: boolean
  /** True where development needs it and production could do with it, as a peer of something. It does without. */
  readonly devOptional?: boolean
  /** True of workspaces. */
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(await readFile(new URL('package-lock.json', root), 'utf8')) as {
  packages: Readonly<Record<string, LockEntry>>
}

const folder = 'node_modules/'

/** The packages that are installed, by name; one may be there in several versions. */
export const installed = Object.entries(packages)
  .filter(([path, { link }]) => path.includes(folder) && link !== true)
  .map(([path, entry]) => ({
    name: entry.name ?? path.slice(path.lastIndexOf(folder) + folder.length),
    entry,
  }))

/** Whether it runs in production. */
export const runs = ({ dev, devOptional }: LockEntry): boolean => dev !== true && devOptional !== true

/** Our own workspaces, by folder. */
export const workspaces = Object.entries(packages).filter(([path]) => path !== '' && !path.includes(folder))

/** What a workspace gets when it imports a package. */
export const resolved = (workspace: string, name: string): LockEntry | undefined =>
  packages[`${workspace}/${folder}${name}`] ?? packages[`${folder}${name}`]
