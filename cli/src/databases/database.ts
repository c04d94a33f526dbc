import { grantServicePrivileges, migrate, migrationStatus, prepareDatabase } from '@user-stats/postgres'
import { schemas, type DatabaseName } from './schemas.ts'
import { databaseOf, passwordOf, roleOf, type DatabaseUrls } from './urls.ts'

/** A database, embedded or given by URL. */
export interface Database {
  readonly name: DatabaseName
  readonly embedded: boolean
  /** The URL of the serving role. */
  readonly url: string
  readonly ownerUrl: string
  /** Starts it after `stop` or `kill`, at the same address. */
  readonly start: () => Promise<void>
  /** Stops it until `start`. An external one is left alone. */
  readonly stop: () => Promise<void>
  /** Simulates a crash: it ends at once and is restarted. */
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
}

/** An external database. */
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
    kill: () => Promise.reject(new Error(`The ${name} database is external and cannot be killed`)),
  }
}

/**
 * Creates an external database and its two roles, with the names and passwords of their URLs. Needs the
 * administrator's URL.
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
 * Migrates the database and grants the serving role its privileges. Idempotent, also when several run at
 * once.
 *
 * @returns the names of the migrations applied
 * @throws DatabaseUnreachableError | MigrationError
 */
export async function deploy({ name, url, ownerUrl }: Pick<Database, 'name' | 'url' | 'ownerUrl'>) {
  const { applied } = await migrate({ url: ownerUrl, ...schemas[name] })
  const role = roleOf(url)
  // A single role for both keeps its privileges: revoking some would prevent it from migrating.
  if (role !== roleOf(ownerUrl)) {
    await grantServicePrivileges({ ownerUrl, role })
    // Fail here rather than in a service's log if the serving role cannot connect.
    await migrationStatus({ url, ...schemas[name] })
  }
  return applied
}
