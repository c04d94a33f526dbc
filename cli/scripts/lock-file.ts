import { readFile } from 'node:fs/promises'

export const root = new URL('../../', import.meta.url)

/** An entry of package-lock.json; dependencies are by name. */
export interface LockEntry {
  /** The real name of a package installed under another name. */
  readonly name?: string
  readonly version?: string
  readonly license?: string
  /** True for packages that only development needs. */
  readonly dev?: boolean
  /**
   * True for packages that development needs and that are an optional peer in production, which works
   * without.
   */
  readonly devOptional?: boolean
  /** True for workspaces. */
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(await readFile(new URL('package-lock.json', root), 'utf8')) as {
  packages: Readonly<Record<string, LockEntry>>
}

const folder = 'node_modules/'

/** The installed packages by name; several versions of one may be installed. */
export const installed = Object.entries(packages)
  .filter(([path, { link }]) => path.includes(folder) && link !== true)
  .map(([path, entry]) => ({
    name: entry.name ?? path.slice(path.lastIndexOf(folder) + folder.length),
    entry,
  }))

/** Whether it is part of production. */
export const runs = ({ dev, devOptional }: LockEntry): boolean => dev !== true && devOptional !== true

/** Our own workspaces, by folder. */
export const workspaces = Object.entries(packages).filter(([path]) => path !== '' && !path.includes(folder))

/** The package that a workspace gets when it imports a name. */
export const resolved = (workspace: string, name: string): LockEntry | undefined =>
  packages[`${workspace}/${folder}${name}`] ?? packages[`${folder}${name}`]
