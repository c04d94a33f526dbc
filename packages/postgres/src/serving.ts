import pg from 'pg'
import { connect, inTransaction } from './connect.ts'

const everything = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

/**
 * Gives the serving role what it needs on all that exists in schema `public` and on what the owner creates
 * later: rows of tables, sequences, functions; no DDL. To be run by the owner after migrations; it leaves the
 * rights the same however often it runs, and running services see no moment without them.
 *
 * A migration narrows the rights on a table by the end of its comment, so that it need not know the role:
 * `COMMENT ON TABLE "audit" IS 'Who did what. Serving: select, insert'`. Prisma's own record is read-only.
 *
 * @throws DatabaseUnreachableError
 */
export async function grantServing(options: { ownerUrl: string; role: string }): Promise<void> {
  await using owner = await connect(options.ownerUrl)
  await allowServing(owner, options.role)
}

/** {@link grantServing} on an open connection that acts as the owner. */
export async function allowServing(owner: pg.Client, serving: string): Promise<void> {
  const role = pg.escapeIdentifier(serving)
  await inTransaction(owner, async () => {
    // Two at once would both update the same rows of the catalogue, which fails one of them.
    await owner.query("SELECT pg_advisory_xact_lock(hashtextextended('user-stats grants', 0))")
    for (const statement of [
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      `GRANT USAGE ON SCHEMA public TO ${role}`,
      // PUBLIC's right to execute is a global default: revoking it in one schema would not take it away.
      'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC',
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${everything.join(', ')} ON TABLES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON ROUTINES TO ${role}`,
      'REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC',
      `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
      `GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO ${role}`,
    ]) {
      await owner.query(statement)
    }
    for (const { table, comment } of await listTables(owner)) {
      await owner.query(`REVOKE ALL ON ${table} FROM ${role}`)
      await owner.query(`GRANT ${rightsOn(table, comment).join(', ')} ON ${table} TO ${role}`)
    }
  })
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
  const named = /\bserving:\s*([a-z, ]+?)\.?\s*$/i.exec(comment ?? '')?.[1]
  if (named === undefined) return everything
  const rights = named.split(',').map((right) => right.trim().toUpperCase())
  const unknown = rights.find((right) => !everything.includes(right))
  if (unknown !== undefined)
    throw new Error(`The comment on ${table} grants "${unknown}", which is no right on rows`)
  return rights
}
