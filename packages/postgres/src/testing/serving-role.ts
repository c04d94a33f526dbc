import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { migrate, type MigrationSource } from '../migrations/migrate.ts'
import { query } from './migrations.ts'
import { sharedTestPostgres, type TestDatabase, type TestPostgres } from './test-postgres.ts'

export interface ServingRoleOptions {
  readonly schema: Omit<MigrationSource, 'url'>
  /** A table that the role uses. */
  readonly table: string
  /** The functions that the role may call. */
  readonly functions: readonly string[]
}

/** Tests what the role that serves a database may do. */
export function testServingRole({ schema, table, functions }: ServingRoleOptions): void {
  let server: TestPostgres
  let database: TestDatabase
  beforeAll(async () => {
    server = await sharedTestPostgres()
    database = await server.createDatabase(schema)
  })
  afterAll(() => server.stop())

  const entry = (requestId: string): string =>
    `INSERT INTO audit_log (store_id, at, request_id, actor_role, action, record_ids, record_count, fields)
     VALUES (1, now(), '${requestId}', 'ADMIN', 'STORE_BLOCKED', '{1}', 1, '{}')`
  const changes = [
    `UPDATE audit_log SET request_id = 'changed'`,
    'DELETE FROM audit_log',
    'TRUNCATE audit_log',
    'SELECT * FROM audit_log FOR UPDATE',
    'WITH gone AS (DELETE FROM audit_log RETURNING *) SELECT count(*) FROM gone',
    `${entry('again')} ON CONFLICT (store_id, at, id) DO UPDATE SET request_id = 'changed'`,
    'MERGE INTO audit_log a USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE',
    'DROP TABLE audit_log',
    'ALTER TABLE audit_log RENAME TO other',
    'BEGIN; LOCK TABLE audit_log IN SHARE MODE',
    `SELECT setval('audit_log_id_seq', 1)`,
  ]

  test.each(changes)(
    'the serving role adds to the audit log and reads it, and may not: %s',
    async (change) => {
      await query(database.url, entry('kept'))
      const before = await query(database.url, 'SELECT * FROM audit_log ORDER BY id')
      await expect(query(database.url, change)).rejects.toThrow(/permission denied|must be owner/)
      expect(await query(database.url, 'SELECT * FROM audit_log ORDER BY id')).toEqual(before)
    },
  )

  test('the audit log is closed from its first moment, before anybody has granted anything', async () => {
    const { ownerUrl, url } = await server.createDatabase()
    await migrate({ url: ownerUrl, ...schema })
    await query(url, entry('kept'))
    await expect(query(url, 'DELETE FROM audit_log')).rejects.toThrow('permission denied')
  })

  test('the serving role may call these functions of ours and no other, and each pins its search path', async () => {
    const found = await query<{ name: string; definer: boolean; config: string[] | null }>(
      database.url,
      `SELECT p.proname AS name, p.prosecdef AS definer, p.proconfig AS config FROM pg_proc p
       WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
         AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1`,
    )
    expect(found.map(({ name }) => name)).toEqual(functions)
    for (const { definer, config } of found) {
      expect(definer).toBe(true)
      expect(config).toContain('search_path=public, pg_temp')
    }
  })

  test('the serving role has no power but over rows: no attribute, no membership, nothing it owns', async () => {
    const [role] = await query(
      database.url,
      `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
              (SELECT count(*)::int FROM pg_auth_members m WHERE m.member = r.oid) AS memberships,
              (SELECT count(*)::int FROM pg_class c WHERE c.relowner = r.oid) AS relations,
              (SELECT count(*)::int FROM pg_proc p WHERE p.proowner = r.oid) AS functions,
              has_database_privilege(current_database(), 'CREATE') AS creates,
              has_database_privilege(current_database(), 'TEMPORARY') AS temporary,
              has_schema_privilege('public', 'CREATE') AS "createsInPublic"
       FROM pg_roles r WHERE rolname = current_user`,
    )
    expect(role).toEqual({
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolbypassrls: false,
      memberships: 0,
      relations: 0,
      functions: 0,
      creates: false,
      temporary: false,
      createsInPublic: false,
    })
    const more = await query(
      database.url,
      `SELECT relname FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
         AND has_table_privilege(oid, 'TRUNCATE, REFERENCES, TRIGGER')`,
    )
    expect(more).toEqual([])
  })

  test.each([
    'SELECT * FROM pg_authid',
    `SELECT pg_read_file('postgresql.conf')`,
    `COPY (SELECT 1) TO PROGRAM 'true'`,
    `COPY audit_log FROM '/etc/hostname'`,
    `SELECT lo_import('/etc/hostname')`,
    'CREATE EXTENSION dblink',
    'CREATE EXTENSION pgcrypto',
    `ALTER SYSTEM SET work_mem = '1GB'`,
    'ALTER DATABASE postgres SET work_mem = 1',
    'CREATE DATABASE mine',
  ])('the serving role cannot leave its database: %s', async (statement) => {
    await expect(query(database.url, statement)).rejects.toThrow(/permission denied|must be owner/)
  })

  test.each(changesOfSchema(table))('the serving role may not: %s', async (statement) => {
    await expect(query(database.url, statement)).rejects.toThrow(/permission denied|must be owner/)
  })
}

/** Statements that a serving role must not be able to execute on a table it uses. */
const changesOfSchema = (table: string): string[] => [
  'CREATE TABLE mine (id int)',
  'CREATE SCHEMA mine',
  "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'CREATE TEMPORARY TABLE mine (id int)',
  `ALTER TABLE ${table} ADD COLUMN mine int`,
  `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
  `DROP TABLE ${table} CASCADE`,
  `TRUNCATE ${table}`,
  `CREATE INDEX ON ${table} (store_id)`,
  'DELETE FROM _prisma_migrations',
  'SET ROLE postgres',
  'CREATE ROLE mine',
]
