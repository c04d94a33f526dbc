import pg from 'pg'
import { connect } from '../client/connect.ts'
import { inTransaction } from '../client/transaction.ts'

const everything = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

/**
 * Grants the serving role what it needs on all existing tables in schema `public` and on those the owner
 * creates later: rows and sequences, no DDL. Revokes the default privileges of PUBLIC: if the owner also owns
 * the database, only roles granted by name may connect. Run it as the owner after migrations. It is
 * idempotent, and running services never lose their privileges meanwhile.
 *
 * The end of a table's comment narrows the privileges on it, so that a migration need not know the role:
 * `COMMENT ON TABLE "audit" IS 'Who did what. Serving: select, insert'`. Prisma's own table is read-only. A
 * function is closed unless its comment opens it: `'Makes the partitions of a month. Serving: execute'`.
 *
 * @throws DatabaseUnreachableError
 */
export async function grantServicePrivileges(options: { ownerUrl: string; role: string }): Promise<void> {
  await using owner = await connect(options.ownerUrl)
  await grantServiceRole(owner, options.role)
}

/** {@link grantServicePrivileges} on an open connection that acts as the owner. */
export async function grantServiceRole(owner: pg.Client, serving: string): Promise<void> {
  const role = pg.escapeIdentifier(serving)
  await inTransaction(owner, async () => {
    // Serialise concurrent runs: both would update the same rows of the catalogue, and one would fail.
    await owner.query("SELECT pg_advisory_xact_lock(hashtextextended('user-stats grants', 0))")
    for (const statement of [
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      `GRANT USAGE ON SCHEMA public TO ${role}`,
      // PUBLIC's privilege to execute is a global default: revoking it in one schema has no effect.
      'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC',
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${everything.join(', ')} ON TABLES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO ${role}`,
      // Earlier versions granted it.
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON ROUTINES FROM ${role}`,
      'REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC',
      `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
    ]) {
      await owner.query(statement)
    }
    await closeDatabase(owner, role)
    for (const { routine, comment } of await listRoutines(owner)) {
      const verb = rightsNamed(comment)?.includes('EXECUTE') === true ? 'GRANT' : 'REVOKE'
      await owner.query(`${verb} EXECUTE ON ROUTINE ${routine} ${verb === 'GRANT' ? 'TO' : 'FROM'} ${role}`)
    }
    for (const { table, comment } of await listTables(owner)) {
      await owner.query(`REVOKE ALL ON ${table} FROM ${role}`)
      await owner.query(`GRANT ${rightsOn(table, comment).join(', ')} ON ${table} TO ${role}`)
    }
  })
}

/**
 * By default everyone may connect to a new database and create temporary tables. Only its owner can revoke
 * that.
 */
async function closeDatabase(owner: pg.Client, role: string): Promise<void> {
  const { rows } = await owner.query<{ name: string }>(`
    SELECT format('%I', datname) AS name FROM pg_database
    WHERE datname = current_database() AND pg_has_role(datdba, 'USAGE')`)
  for (const { name } of rows) {
    await owner.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
    await owner.query(`GRANT CONNECT ON DATABASE ${name} TO ${role}`)
  }
}

/** Functions and procedures of the current role, quoted, with the types of their arguments. */
async function listRoutines(owner: pg.Client): Promise<{ routine: string; comment: string | null }[]> {
  const { rows } = await owner.query<{ routine: string; comment: string | null }>(`
    SELECT format('public.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS routine,
           obj_description(p.oid, 'pg_proc') AS comment
    FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND pg_has_role(p.proowner, 'USAGE')
    ORDER BY p.oid`)
  return rows
}

/** Tables and views of the current role, quoted; a partition has the comment of its root. */
async function listTables(owner: pg.Client): Promise<{ table: string; comment: string | null }[]> {
  const { rows } = await owner.query<{ table: string; comment: string | null }>(`
    SELECT format('%I.%I', 'public', c.relname) AS "table",
           obj_description(COALESCE(pg_partition_root(c.oid), c.oid), 'pg_class') AS "comment"
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND pg_has_role(c.relowner, 'USAGE')
    ORDER BY c.oid`)
  return rows
}

function rightsOn(table: string, comment: string | null): string[] {
  if (table === 'public._prisma_migrations') return ['SELECT']
  const rights = rightsNamed(comment) ?? everything
  const unknown = rights.find((right) => !everything.includes(right))
  if (unknown !== undefined)
    throw new Error(`The comment on ${table} grants "${unknown}", which is no right on rows`)
  return rights
}

/** The privileges at the end of a comment, if any. */
function rightsNamed(comment: string | null): string[] | undefined {
  const named = /\bserving:\s*([a-z, ]+?)\.?\s*$/i.exec(comment ?? '')?.[1]
  return named?.split(',').map((right) => right.trim().toUpperCase())
}
