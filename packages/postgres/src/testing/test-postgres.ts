import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { lockDataDir } from '../embedded/data-dir-lock.ts'
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from '../embedded/embedded.ts'
import { startEmbeddedPostgres } from '../embedded/embedded.ts'
import { prefix, removeAbandoned } from '../embedded/stale-servers.ts'
import { migrate } from '../migrations/migrate.ts'
import { prepareDatabase } from '../roles/prepare-database.ts'
import { grantServing } from '../roles/grant-service-role.ts'

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
  createDatabase: (schema?: { schemaPath: string; migrationsDir: string }) => Promise<TestDatabase>
}

/**
 * A PostgreSQL server for one test file, on a free port, in a temporary directory that goes with it:
 * `await using server = await startTestPostgres()`. It writes without waiting for the disk unless `durable`.
 */
export async function startTestPostgres(
  options: Pick<EmbeddedPostgresOptions, 'durable' | 'settings'> = {},
): Promise<TestPostgres> {
  await removeAbandoned()
  const dataDir = await mkdtemp(path.join(tmpdir(), prefix))
  // Under root the server runs as another user, who must be able to pass.
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
    // Elsewhere than in the data directory when the server's user cannot reach that.
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

async function createDatabase(
  server: EmbeddedPostgres,
  schema?: { schemaPath: string; migrationsDir: string },
): Promise<TestDatabase> {
  const database = `test_${randomBytes(6).toString('hex')}`
  const owner = { role: `${database}_owner`, password: randomBytes(12).toString('hex') }
  const serving = { role: `${database}_server`, password: randomBytes(12).toString('hex') }
  await prepareDatabase({ adminUrl: server.superuserUrl, database, owner, server: serving })
  const ownerUrl = server.url(database, owner.role, owner.password)
  if (schema) {
    await migrate({ url: ownerUrl, ...schema })
    await grantServing({ ownerUrl, role: serving.role })
  }
  return {
    database,
    ownerUrl,
    url: server.url(database, serving.role, serving.password),
    superuserUrl: server.url(database),
  }
}
