import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { lockDataDir } from '../embedded/data-dir-lock.ts'
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from '../embedded/embedded.ts'
import { startEmbeddedPostgres } from '../embedded/embedded.ts'
import { prefix, removeAbandoned } from '../embedded/stale-servers.ts'
import { connect } from '../client/connect.ts'
import { migrate } from '../migrations/migrate.ts'
import { prepareDatabase } from '../roles/prepare-database.ts'
import { grantServicePrivileges } from '../roles/grant-service-role.ts'

export interface TestDatabase {
  database: string
  /** As the role that owns the schema. */
  ownerUrl: string
  /** As the role a service connects with. */
  url: string
  superuserUrl: string
}

export type TestPostgres = EmbeddedPostgres & {
  /** A new database with its own two roles, migrated when a schema is given. */
  createDatabase: (schema?: Schema) => Promise<TestDatabase>
}

interface Schema {
  schemaPath: string
  migrationsDir: string
}

/** The variable that passes the server of a test run to its test files. */
const sharedVariable = 'TEST_POSTGRES'

/**
 * The server that all test files of a workspace share, started by `jest-global-setup.ts`; each test file
 * creates databases of its own on it. Without one, starts a server for this file alone.
 */
export function sharedTestPostgres(): Promise<TestPostgres> {
  const shared = process.env[sharedVariable]
  if (shared === undefined) return startTestPostgres()
  const { superuserUrl, home } = JSON.parse(shared) as Pick<EmbeddedPostgres, 'superuserUrl' | 'home'>
  const { hostname: host, port } = new URL(superuserUrl)
  const url: EmbeddedPostgres['url'] = (database, role, password) => {
    const target = new URL(superuserUrl)
    target.pathname = database
    if (role !== undefined) Object.assign(target, { username: role, password })
    return target.href
  }
  // The shared server outlives this file.
  const stop = () => Promise.resolve()
  const server = { host, port: Number(port), home, adopted: false, superuserUrl, url, stop }
  return Promise.resolve({
    ...server,
    [Symbol.asyncDispose]: stop,
    createDatabase: (schema) => createDatabase(server, schema),
  })
}

/** Starts the server of {@link sharedTestPostgres} for this process and its children. */
export async function startSharedTestPostgres(): Promise<TestPostgres> {
  const server = await startTestPostgres()
  process.env[sharedVariable] = JSON.stringify({ superuserUrl: server.superuserUrl, home: server.home })
  return server
}

/**
 * A PostgreSQL server for one test file, on a free port, in a temporary directory that is removed with it:
 * `await using server = await startTestPostgres()`. It does not sync to disk unless `durable`.
 */
export async function startTestPostgres(
  options: Pick<EmbeddedPostgresOptions, 'durable' | 'settings'> = {},
): Promise<TestPostgres> {
  await removeAbandoned()
  const dataDir = await mkdtemp(path.join(tmpdir(), prefix))
  // Under root the server runs as another user, who must be able to traverse it.
  if (process.getuid?.() === 0) await chmod(dataDir, 0o711)
  const lock = await lockDataDir(dataDir)
  const remove = async () => {
    await rm(dataDir, { recursive: true, force: true })
    await lock.release()
  }
  const server = await startEmbeddedPostgres({ durable: false, ...options, dataDir, name: 'test' }).catch(
    async (error: unknown) => {
      await remove()
      throw error
    },
  )
  const stop = async () => {
    await server.stop()
    // Outside the data directory when the server's user cannot reach that.
    await rm(server.home, { recursive: true, force: true })
    await remove()
  }
  return {
    ...server,
    stop,
    [Symbol.asyncDispose]: stop,
    createDatabase: (schema) => createDatabase(server, schema),
  }
}

/** Roles and passwords shared by all databases of one server and schema, so that a template can be cloned. */
const rolesOf = (server: Pick<EmbeddedPostgres, 'superuserUrl'>, name: string) => {
  const role = (suffix: string) => ({
    role: `${name}_${suffix}`,
    password: createHash('sha256').update(`${server.superuserUrl} ${name} ${suffix}`).digest('hex'),
  })
  return { owner: role('owner'), serving: role('server') }
}

/** A new database: a clone of a migrated template, or an empty one when no schema is given. */
async function createDatabase(
  server: Pick<EmbeddedPostgres, 'superuserUrl' | 'url'>,
  schema?: Schema,
): Promise<TestDatabase> {
  const database = `test_${randomBytes(6).toString('hex')}`
  const { owner, serving } = schema
    ? await cloneTemplate(server, schema, database)
    : rolesOf(server, database)
  if (!schema) await prepareDatabase({ adminUrl: server.superuserUrl, database, owner, server: serving })
  return {
    database,
    ownerUrl: server.url(database, owner.role, owner.password),
    url: server.url(database, serving.role, serving.password),
    superuserUrl: server.url(database),
  }
}

async function cloneTemplate(
  server: Pick<EmbeddedPostgres, 'superuserUrl' | 'url'>,
  schema: Schema,
  database: string,
) {
  const template = `template_${createHash('sha256').update(schema.migrationsDir).digest('hex').slice(0, 12)}`
  const { owner, serving } = rolesOf(server, template)
  await using admin = await connect(server.superuserUrl)
  // Test files run concurrently: one of them creates the template, the others wait for it.
  await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [template])
  const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [template])
  if (rowCount === 0) {
    const draft = `${template}_draft`
    await admin.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`)
    await prepareDatabase({ adminUrl: server.superuserUrl, database: draft, owner, server: serving })
    const ownerUrl = server.url(draft, owner.role, owner.password)
    await migrate({ url: ownerUrl, ...schema })
    await grantServicePrivileges({ ownerUrl, role: serving.role })
    await admin.query(`ALTER DATABASE ${draft} RENAME TO ${template}`)
  }
  await admin.query(`CREATE DATABASE ${database} TEMPLATE ${template} OWNER ${owner.role}`)
  // Privileges on the database itself are not copied.
  await admin.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`)
  await admin.query(`GRANT CONNECT ON DATABASE ${database} TO ${serving.role}`)
  return { owner, serving }
}
