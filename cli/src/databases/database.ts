import { grantServicePrivileges, migrate, migrationStatus, prepareDatabase } from '@user-stats/postgres'
import { schemas, type DatabaseName } from './schemas.ts'
import { databaseOf, passwordOf, roleOf, type DatabaseUrls } from './urls.ts'

/** A database of the stack, embedded or given by URL. */
export interface Database {
  readonly name: DatabaseName
  readonly embedded: boolean
  /** As the role that serves. */
  readonly url: string
  readonly ownerUrl: string
  /** Up again after `stop` or `kill`, at the same address. */
  readonly start: () => Promise<void>
  /** Down until `start`. An external one is left alone. */
  readonly stop: () => Promise<void>
  /** As by accident: ends at once and is started again by the stack. */
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
}

/** A database somebody else runs. */
export function externalDatabase(name: DatabaseName, urls: DatabaseUrls): Database {
  const nothing = () => Promise.resolve()
  return {
    name,
    embedded: false,
    url: urls.serving,
    ownerUrl: urls.owner,
    start: nothing,
    stop: nothing,
    restart: nothing,
    kill: () => Promise.reject(new Error(`The ${name} database is not ours to kill`)),
  }
}

/**
 * Creates an external database and its two roles, named and with the passwords as in their URLs.
 * Needs the administrator's URL.
 *
 * @throws DatabaseUnreachableError
 */
export async function prepareExternal({ serving, owner, admin }: DatabaseUrls): Promise<void> {
  if (admin === undefined) return
  const role = (url: string) => ({ role: roleOf(url), password: passwordOf(url) })
  await prepareDatabase({
    adminUrl: admin,
    database: databaseOf(serving),
    owner: role(owner),
    server: role(serving),
  })
}

/**
 * Brings the schema up to date and gives the serving role what it needs. May be run again, also by several at once.
 *
 * @returns the names of the migrations applied
 * @throws DatabaseUnreachableError | MigrationError
 */
export async function deploy({ name, url, ownerUrl }: Pick<Database, 'name' | 'url' | 'ownerUrl'>) {
  const { applied } = await migrate({ url: ownerUrl, ...schemas[name] })
  const role = roleOf(url)
  // One role for both keeps its rights: taking some away would bar it from migrating.
  if (role !== roleOf(ownerUrl)) {
    await grantServicePrivileges({ ownerUrl, role })
    // Shows now, not in a service's log, that the serving role cannot get in.
    await migrationStatus({ url, ...schemas[name] })
  }
  return applied
}
