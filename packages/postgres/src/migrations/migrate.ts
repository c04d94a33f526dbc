import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type pg from 'pg'
import { connect } from '../client/connect.ts'
import { withEngine } from './engine.ts'
import { isLockTimeout } from './run-script.ts'
import { MigrationError } from '../errors.ts'

export interface MigrationSource {
  /** Connection URL of the role that owns the schema. */
  url: string
  /** The Prisma schema file. */
  schemaPath: string
  /** The folder of migrations, one folder with a `migration.sql` each. */
  migrationsDir: string
}

export interface MigrationStatus {
  applied: string[]
  /** In the folder, not yet in the database. */
  pending: string[]
  /** Started and not finished: must be resolved manually before others can be applied. */
  failed: string[]
  /** In the database, not in the folder: applied by another version. */
  unknown: string[]
  /** Applied, and changed in the folder since. */
  edited: string[]
}

const filters = { externalTables: [], externalEnums: [] }

/** Milliseconds until a migration must have its locks. */
const defaultLockDeadline = 120_000

export interface MigrateOptions {
  /** Names of the migrations to apply, to leave out later ones. */
  readonly only?: readonly string[]
  readonly lockDeadline?: number
}

/**
 * Applies pending migrations in order, and records them in `_prisma_migrations` as `prisma migrate deploy`
 * does. Concurrent runs wait for each other; migrations applied by one are skipped by the others. Services
 * may run meanwhile: a migration that does not get its locks at once lets their readers and writers go first,
 * and tries again.
 *
 * @returns the names of the migrations this run applied
 * @throws DatabaseUnreachableError
 * @throws MigrationError naming the migration that failed, now or in an earlier run; one that did not get its
 *   locks is tried again by the next run
 */
export async function migrate(
  source: MigrationSource,
  { only, lockDeadline = defaultLockDeadline }: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const all = await readMigrations(source.migrationsDir)
  const migrationDirectories = all.migrationDirectories.filter(({ path }) => only?.includes(path) ?? true)
  const migrationsList = { ...all, migrationDirectories }
  await using lock = await connect(source.url)
  // The engine's own lock times out after 10 s, less than a migration may take.
  await lock.query("SELECT pg_advisory_lock(hashtextextended('user-stats migrate', 0))")
  try {
    const { appliedMigrationNames } = await withEngine({ ...source, lockDeadline }, (engine) =>
      engine.applyMigrations({ migrationsList, filters }),
    )
    return { applied: appliedMigrationNames }
  } catch (error) {
    if (!(error instanceof MigrationError) || error.migration === undefined || !isLockTimeout(error.cause))
      throw error
    await markRolledBack(source, error.migration)
    throw new MigrationError(
      error.migration,
      'other sessions hold locks on its tables. End their transactions (see pg_stat_activity), then start again.',
      { cause: error },
    )
  } finally {
    await protectRecord(lock)
  }
}

/**
 * Compares the migrations in the folder with those recorded in the database; changes nothing.
 *
 * @throws DatabaseUnreachableError
 */
export async function migrationStatus(source: Omit<MigrationSource, 'schemaPath'>): Promise<MigrationStatus> {
  const { migrationDirectories } = await readMigrations(source.migrationsDir)
  const scripts = new Map(
    migrationDirectories.map((entry) => [entry.path, entry.migrationFile.content.value]),
  )
  await using client = await connect(source.url)
  const recorded = await readRecord(client)
  const applied = recorded.filter(({ finished }) => finished)
  const names = new Set(recorded.map(({ name }) => name))
  return {
    applied: applied.map(({ name }) => name),
    pending: [...scripts.keys()].filter((name) => !names.has(name)),
    failed: recorded.filter(({ finished }) => !finished).map(({ name }) => name),
    unknown: recorded.filter(({ name }) => !scripts.has(name)).map(({ name }) => name),
    edited: applied
      .filter(({ name, checksum }) => {
        const script = scripts.get(name)
        return script !== undefined && createHash('sha256').update(script).digest('hex') !== checksum
      })
      .map(({ name }) => name),
  }
}

/**
 * Builds a database from the migrations alone and compares it with the Prisma schema.
 *
 * @param source.url a role that may create databases: the shadow database is created and dropped on its
 *   server
 * @returns the SQL between them; empty when they agree
 * @throws DatabaseUnreachableError
 * @throws MigrationError when a migration cannot be applied
 */
export async function schemaDrift(source: MigrationSource): Promise<string> {
  const migrationsList = await readMigrations(source.migrationsDir)
  // The engine's own error would come from the adapter, without an address.
  await connect(source.url).then((client) => client.end())
  const { stdout } = await withEngine(source, (engine, schema) =>
    engine.diff({
      from: { tag: 'migrations', ...migrationsList },
      to: { tag: 'schemaDatamodel', files: [schema] },
      script: true,
      exitCode: null,
      filters,
    }),
  )
  const sql = stdout?.trim() ?? ''
  return sql === '-- This is an empty migration.' ? '' : sql
}

/**
 * Marks a failed migration as rolled back, so that the next {@link migrate} tries it again. A migration is
 * one transaction unless its script says otherwise, so there is usually nothing to repair first.
 *
 * @throws DatabaseUnreachableError
 * @throws MigrationError when that migration is not recorded as failed
 */
export async function markRolledBack(source: MigrationSource, migrationName: string): Promise<void> {
  await connect(source.url).then((client) => client.end())
  await withEngine(source, (engine) => engine.markMigrationRolledBack({ migrationName }))
}

async function readMigrations(baseDir: string): Promise<MigrationList> {
  const entries = await readdir(baseDir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new MigrationError(undefined, `There is no folder of migrations at ${baseDir}`, { cause })
  })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const lockfile = 'migration_lock.toml'
  return {
    baseDir,
    lockfile: {
      path: lockfile,
      content: await readFile(path.join(baseDir, lockfile), 'utf8').catch(() => null),
    },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (name) => {
        const file = 'migration.sql'
        const value = await readFile(path.join(baseDir, name, file), 'utf8').catch((cause: unknown) => {
          throw new MigrationError(name, `it has no readable ${file}`, { cause })
        })
        return { path: name, migrationFile: { path: file, content: { tag: 'ok', value } } }
      }),
    ),
  }
}

interface Recorded {
  name: string
  checksum: string
  finished: boolean
}

async function readRecord(client: pg.Client): Promise<Recorded[]> {
  const { rows } = await client.query<{ exists: boolean }>(
    "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists",
  )
  if (!rows[0]?.exists) return []
  const recorded = await client.query<Recorded>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  )
  return recorded.rows
}

/** The owner creates this table like any other, so default privileges open it to the serving role. */
async function protectRecord(owner: pg.Client): Promise<void> {
  await owner.query(`
    DO $$
    DECLARE reader text;
    BEGIN
      FOR reader IN
        SELECT DISTINCT grantee::regrole::text FROM pg_class, aclexplode(relacl)
        WHERE oid = to_regclass('_prisma_migrations') AND grantee NOT IN (0, relowner) AND privilege_type <> 'SELECT'
      LOOP
        EXECUTE format('REVOKE ALL ON _prisma_migrations FROM %s', reader);
        EXECUTE format('GRANT SELECT ON _prisma_migrations TO %s', reader);
      END LOOP;
    END $$`)
}
