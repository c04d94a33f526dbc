import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import pg from 'pg'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { openDatabases } from '../src/databases/open.ts'
import { deploy } from '../src/databases/database.ts'
import { runMigrate } from '../src/migrate/migrate.ts'
import { silent } from '../src/terminal.ts'
import { temporaryDir } from './helpers.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows as unknown[]
  } finally {
    await client.end()
  }
}

const names = ['users', 'events'] as const
const kinds = ['owner', 'serve'] as const
/** A role of one database and the other database. */
const outsiders = names.flatMap((name) =>
  kinds.map((kind) => [`${name}_${kind}`, name === 'users' ? 'events' : 'users'] as const),
)

test('on one external server, no role of a database can connect to the other', async () => {
  const url = (database: string, role: string) => server.url(database, role, role)
  const env = Object.fromEntries(
    names.flatMap((name) => [
      [`${name.toUpperCase()}_ADMIN_URL`, server.superuserUrl],
      [`${name.toUpperCase()}_OWNER_URL`, url(name, `${name}_owner`)],
      [`${name.toUpperCase()}_DATABASE_URL`, url(name, `${name}_serve`)],
    ]),
  )
  expect(await runMigrate({ env, terminal: silent })).toBe(0)
  for (const [role, other] of outsiders)
    await expect(query(url(other, role), 'SELECT 1')).rejects.toThrow(
      `permission denied for database "${other}"`,
    )
  for (const name of names)
    expect(await query(url(name, `${name}_serve`), 'SELECT count(*)::int FROM audit_log')).toEqual([
      { count: 0 },
    ])
})

test('the same holds where the operator created databases and roles manually, as documented', async () => {
  const page = await readFile(new URL('../../docs/databases.md', import.meta.url), 'utf8')
  const [sql = ''] = /(?<=```sql\n)[\s\S]*?(?=```)/.exec(page) ?? []
  const place = new URL(server.superuserUrl)
  const client = new pg.Client({ connectionString: server.superuserUrl })
  await client.connect()
  const suffixed = sql.replaceAll(/\b(users|events)(_owner|_service)?\b(?!')/g, '$1$2_hand')
  // One by one: a database cannot be created in a transaction.
  for (const statement of suffixed.split(/;\s*\n/).filter((text) => text.trim() !== ''))
    await client.query(statement)
  await client.end()

  const url = (database: string, role: string) =>
    `postgresql://${role}:change-me@${place.host}/${database}_hand`
  const env = Object.fromEntries(
    names.flatMap((name) => [
      [`${name.toUpperCase()}_OWNER_URL`, url(name, `${name}_owner_hand`)],
      [`${name.toUpperCase()}_DATABASE_URL`, url(name, `${name}_service_hand`)],
    ]),
  )
  expect(await runMigrate({ env, terminal: silent })).toBe(0)
  for (const [name, other] of [names, names.toReversed()] as [string, string][]) {
    for (const role of [`${name}_owner_hand`, `${name}_service_hand`])
      await expect(query(url(other, role), 'SELECT 1')).rejects.toThrow('permission denied for database')
    await expect(query(url(name, `${name}_service_hand`), 'DELETE FROM audit_log')).rejects.toThrow(
      'permission denied for table audit_log',
    )
  }
})

test('each embedded database has a server of its own without roles of the other', async () => {
  await using home = await temporaryDir()
  await using undo = new AsyncDisposableStack()
  const databases = await openDatabases({
    env: { dataDir: home.dir, databases: { users: undefined, events: undefined } },
    needed: names,
    terminal: silent,
    durable: false,
    undo,
  })
  for (const name of names) await deploy(databases[name])
  for (const [name, other] of [names, names.toReversed()] as ['users' | 'events', 'users' | 'events'][])
    for (const own of [databases[name].url, databases[name].ownerUrl]) {
      expect(await query(own, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      const elsewhere = new URL(own)
      elsewhere.port = new URL(databases[other].url).port
      elsewhere.pathname = other
      await expect(query(elsewhere.href, 'SELECT 1')).rejects.toThrow('password authentication failed')
      // The superusers have different passwords too.
      const guessed = new URL(databases[other].url)
      guessed.password = new URL(own).password
      await expect(query(guessed.href, 'SELECT 1')).rejects.toThrow('password authentication failed')
    }
})

test('in docker-compose.yml a service has the secrets of its serving role only, on a network of its own', async () => {
  const compose = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
  for (const [name, other] of [names, names.toReversed()] as [string, string][]) {
    const [service = ''] = new RegExp(`^  ${name}:\\n(?:    .*\\n|\\n)+`, 'm').exec(compose) ?? []
    expect(service).toMatch(new RegExp(`volumes: \\['${name}-secrets:/run/secrets:ro'[\\],]`))
    expect(service).toContain(`networks: [services, ${name}-database]`)
    expect(service).toContain(`${name.toUpperCase()}_DATABASE_URL_FILE: /run/secrets/database-url`)
    expect(service).not.toMatch(new RegExp(`OWNER|ADMIN_URL|migrate-secrets|${other}-(database|secrets)`))
  }
})
