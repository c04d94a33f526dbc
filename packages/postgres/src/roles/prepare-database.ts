import pg from 'pg'
import { connect, withDatabase } from '../client/connect.ts'
import { grantServiceRole } from './grant-service-role.ts'
import { scramVerifier } from './scram.ts'

export interface Role {
  role: string
  password: string
}

/** One run at a time: CREATE ROLE and CREATE DATABASE have no race-free "if not exists". */
const lockKey = "hashtextextended('user-stats prepare', 0)"

/**
 * Prepares a database for migrations: a role that owns it and a serving role, both with LOGIN only; no other
 * role may connect; objects the owner creates later are usable by the serving role. Idempotent (passwords are
 * set anew), also when several run at once.
 *
 * @param options.adminUrl a role that may create roles and databases; need not be a superuser
 * @throws DatabaseUnreachableError
 */
export async function prepareDatabase(options: {
  adminUrl: string
  database: string
  owner: Role
  server: Role
}): Promise<void> {
  const { adminUrl, database, owner, server } = options
  const name = pg.escapeIdentifier
  await using admin = await connect(adminUrl)
  await admin.query(`SELECT pg_advisory_lock(${lockKey})`)

  await ensureRole(admin, owner)
  await ensureRole(admin, server)
  const me = await admin.query<{ rolsuper: boolean }>(
    'SELECT rolsuper FROM pg_roles WHERE rolname = current_user',
  )
  // Only a superuser may act for a role that it is not a member of.
  if (!me.rows[0]?.rolsuper) await admin.query(`GRANT ${name(owner.role)} TO CURRENT_USER`)

  await ensureDatabase(admin, database, owner.role)

  await using inside = await connect(withDatabase(adminUrl, database))
  await inside.query(`SET ROLE ${name(owner.role)}`)
  await grantServiceRole(inside, server.role)
}

/**
 * Creates a database for an existing role, unless the database exists.
 *
 * @param admin may create databases, and act for that role
 */
export async function ensureDatabase(admin: pg.Client, database: string, owner: string): Promise<void> {
  const found = await admin.query('SELECT FROM pg_database WHERE datname = $1', [database])
  if (found.rowCount !== 0) return
  const [name, role] = [database, owner].map((text) => pg.escapeIdentifier(text))
  await admin.query(`CREATE DATABASE ${name ?? ''} OWNER ${role ?? ''} TEMPLATE template0 ENCODING 'UTF8'`)
}

async function ensureRole(admin: pg.Client, { role, password }: Role): Promise<void> {
  const found = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  const verb = found.rowCount === 0 ? 'CREATE' : 'ALTER'
  await admin.query(
    `${verb} ROLE ${pg.escapeIdentifier(role)} LOGIN NOCREATEDB NOCREATEROLE ` +
      `PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`,
  )
}
