import { connect, ensureDatabase, withDatabase } from '@user-stats/postgres'
import { externalDatabase, prepareExternal } from './database.ts'
import type { DatabaseName } from './schemas.ts'
import { nameOf, stageOf, type Site, type Stage } from './site.ts'
import { databaseOf, roleOf, type DatabaseUrls } from './urls.ts'

/** SQLSTATE of a missing database. */
const missing = '3D000'

const codeOf = (error: unknown) => (error as { code?: string } | undefined)?.code

/** Each stage is a database on the same server. */
export function externalSite(database: DatabaseName, urls: DatabaseUrls): Site {
  const base = databaseOf(urls.serving)
  const variable = `${database.toUpperCase()}_ADMIN_URL`
  const quoted = (stage: Stage) => `"${nameOf(base, stage).replaceAll('"', '""')}"`
  const urlOf = (url: string, stage: Stage) => withDatabase(url, nameOf(base, stage))
  const url = urls.admin ?? urls.owner
  /** A session in a database cannot rename it. */
  const connectBeside = () => connect(databaseOf(url) === base ? withDatabase(url, 'postgres') : url)
  /** Any database will do to list others; `postgres` may be closed to this role. */
  const connectAnywhere = () =>
    connect(url).catch((error: unknown) => {
      if (codeOf((error as Error).cause) === missing) return connectBeside()
      throw error
    })
  const mayNot = (cause: unknown): never => {
    const code = codeOf(cause)
    const message = (cause as Error).message
    if (code === '42501')
      throw new Error(
        `${variable}: expected a role that may create databases and act for ${roleOf(urls.owner)}, since a restore ` +
          `creates a database beside the one that is there (${message})`,
        { cause },
      )
    if (code === '55006') throw new Error(`${message}: stop whatever is connected to it`, { cause })
    throw cause
  }

  return {
    database,
    describe: (stage) => `the database ${nameOf(base, stage)}`,
    stages: async () => {
      await using client = await connectAnywhere()
      const { rows } = await client.query<{ name: string }>('SELECT datname AS name FROM pg_database')
      return new Set(rows.flatMap(({ name }) => stageOf(base, name) ?? []))
    },
    rename: async (changes) => {
      await using client = await connectBeside()
      const statements = changes.map(([from, to]) => `ALTER DATABASE ${quoted(from)} RENAME TO ${quoted(to)}`)
      // Several statements in one query are one transaction.
      await client.query(statements.join(';')).catch(mayNot)
    },
    drop: async (stage) => {
      await using client = await connectAnywhere()
      await client.query(`DROP DATABASE IF EXISTS ${quoted(stage)} WITH (FORCE)`).catch(mayNot)
    },
    open: async (stage) => {
      const name = nameOf(base, stage)
      if (Buffer.byteLength(name) > 63)
        throw new Error(`${base}: the name of the database is too long to create another beside it`)
      const own = {
        serving: urlOf(urls.serving, stage),
        owner: urlOf(urls.owner, stage),
        admin: urls.admin,
      }
      await using client = await connectAnywhere()
      const roles = [roleOf(own.owner), roleOf(own.serving)]
      const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = ANY ($1)', [roles])
      if (rowCount === new Set(roles).size) await ensureDatabase(client, name, roles[0] ?? '').catch(mayNot)
      else await prepareExternal(own).catch(mayNot)
      return externalDatabase(database, own)
    },
    lock: async () => {
      await using undo = new AsyncDisposableStack()
      const client = undo.use(await connectBeside())
      const { rows } = await client.query<{ locked: boolean }>(
        'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
        [`user-stats restore ${base}`],
      )
      if (rows[0]?.locked !== true) throw new Error(`the database ${base} is being restored by another run`)
      return undo.move()
    },
    requireIdle: async () => {
      await using client = await connectBeside()
      const { rows } = await client.query<{ name: string; sessions: number }>(
        `SELECT coalesce(nullif(application_name, ''), usename) AS name, count(*)::int AS sessions FROM pg_stat_activity
         WHERE datname = $1 AND usename IS NOT NULL GROUP BY 1 ORDER BY 1`,
        [base],
      )
      const [found] = rows
      if (found)
        throw new Error(
          `${String(found.sessions)} sessions of "${found.name}" use the database ${base}: stop the services first.`,
        )
    },
    requireSpace: () => undefined,
  }
}
