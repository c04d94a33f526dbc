import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { grantServicePrivileges, migrate, prepareDatabase } from '../src/index.ts'
import type { TestPostgres } from '../src/testing/test-postgres.ts'
import { startTestPostgres } from '../src/testing/test-postgres.ts'
import { query, sample } from './helpers.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

const owner = { role: 'the "owner"', password: "o'wner $1" }
const serving = { role: 'the-server', password: 's;erver/ü?#' }

test('several runs at once prepare a database once, and a later one changes a password', async () => {
  const options = { adminUrl: server.superuserUrl, database: 'a "shop"', owner, server: serving }
  await Promise.all([prepareDatabase(options), prepareDatabase(options), prepareDatabase(options)])
  const url = server.url(options.database, serving.role, serving.password)
  expect(await query(url, 'SELECT current_user AS me')).toEqual([{ me: serving.role }])

  await prepareDatabase({ ...options, server: { ...serving, password: 'new' } })
  await expect(query(url, 'SELECT 1')).rejects.toThrow('password authentication failed')
  await query(server.url(options.database, serving.role, 'new'), 'SELECT 1')
})

test('the owner makes the schema; the serving role reads and writes rows, and cannot alter anything', async () => {
  const { ownerUrl, url } = await server.createDatabase(sample)
  const [shop] = await query(url, `INSERT INTO shops (name) VALUES ('one') RETURNING id, name`)
  expect(shop).toEqual({ id: 1, name: 'one' })
  await query(url, `UPDATE shops SET name = 'two'; DELETE FROM shops`)
  await query(url, 'SELECT ensure_year(2026)')
  await query(url, `INSERT INTO visits (shop_id, occurred_at, data) VALUES (1, '2026-05-01', '{}')`)

  const denied = [
    'CREATE TABLE mine (id int)',
    'CREATE SCHEMA mine',
    'CREATE TEMP TABLE mine (id int)',
    'ALTER TABLE shops ADD COLUMN more int',
    'DROP TABLE shops',
    'TRUNCATE shops',
    'DROP FUNCTION ensure_year(int)',
    `UPDATE _prisma_migrations SET checksum = ''`,
    'DELETE FROM _prisma_migrations',
  ]
  for (const statement of denied)
    await expect(query(url, statement)).rejects.toThrow(/permission denied|must be owner/)
  await query(url, 'SELECT migration_name FROM _prisma_migrations')
  await query(ownerUrl, 'ALTER TABLE shops ADD COLUMN more int')
})

test('the comment of a table limits the privileges of the serving role on it', async () => {
  const { url } = await server.createDatabase(sample)
  await query(url, `INSERT INTO notes VALUES (1, 1, 'text')`)
  expect(await query(url, 'SELECT text FROM notes')).toEqual([{ text: 'text' }])
  await expect(query(url, `UPDATE notes SET text = ''`)).rejects.toThrow('permission denied')
  await expect(query(url, 'DELETE FROM notes')).rejects.toThrow('permission denied')
})

test('a function is closed to the serving role unless its comment opens it, whenever it was made', async () => {
  const { ownerUrl, url } = await server.createDatabase(sample)
  await query(url, 'SELECT ensure_year(2026)')
  await expect(query(url, 'SELECT forget_year(2026)')).rejects.toThrow('permission denied for function')
  await query(ownerUrl, `CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
  await expect(query(url, 'SELECT later()')).rejects.toThrow('permission denied for function')
  await query(ownerUrl, `COMMENT ON FUNCTION later() IS 'One. Serving: execute'`)
  const { username } = new URL(url)
  await grantServicePrivileges({ ownerUrl, role: username })
  expect(await query(url, 'SELECT later() AS one')).toEqual([{ one: 1 }])
  await query(ownerUrl, 'COMMENT ON FUNCTION later() IS NULL')
  await grantServicePrivileges({ ownerUrl, role: username })
  await expect(query(url, 'SELECT later()')).rejects.toThrow('permission denied for function')
})

test('only the two roles may connect, and functions are not open to all', async () => {
  const { database, ownerUrl } = await server.createDatabase(sample)
  await query(server.superuserUrl, `CREATE ROLE outsider LOGIN PASSWORD 'x'`)
  await expect(query(server.url(database, 'outsider', 'x'), 'SELECT 1')).rejects.toThrow('permission denied')
  const [row] = await query(
    ownerUrl,
    `SELECT has_function_privilege('outsider', 'ensure_year(int)', 'EXECUTE') AS may`,
  )
  expect(row).toEqual({ may: false })
})

test('the record of migrations is closed to writers as soon as it exists', async () => {
  const { ownerUrl, url } = await server.createDatabase()
  await migrate({ url: ownerUrl, ...sample })
  await expect(query(url, 'DELETE FROM _prisma_migrations')).rejects.toThrow('permission denied')
  await query(url, `INSERT INTO shops (name) VALUES ('default privileges reach what migrations make')`)
})

test('roles and rights can be made by an administrator without superuser rights', async () => {
  await query(server.superuserUrl, `CREATE ROLE admin LOGIN CREATEDB CREATEROLE PASSWORD 'x'`)
  const roles = {
    owner: { role: 'cloud_owner', password: 'o' },
    server: { role: 'cloud_server', password: 's' },
  }
  const options = { adminUrl: server.url('postgres', 'admin', 'x'), database: 'cloud', ...roles }
  await prepareDatabase(options)
  await prepareDatabase(options)
  await migrate({ url: server.url('cloud', 'cloud_owner', 'o'), ...sample })
  await query(server.url('cloud', 'cloud_server', 's'), `INSERT INTO shops (name) VALUES ('one')`)
})

test('an operator who created roles and database grants the privileges afterwards', async () => {
  await query(server.superuserUrl, `CREATE ROLE own LOGIN PASSWORD 'x'`)
  await query(server.superuserUrl, `CREATE ROLE serve LOGIN PASSWORD 'x'`)
  await query(server.superuserUrl, 'CREATE DATABASE external OWNER own')
  const ownerUrl = server.url('external', 'own', 'x')
  const url = server.url('external', 'serve', 'x')
  await migrate({ url: ownerUrl, ...sample })
  await expect(query(url, 'SELECT FROM shops')).rejects.toThrow('permission denied')

  await Promise.all([
    grantServicePrivileges({ ownerUrl, role: 'serve' }),
    grantServicePrivileges({ ownerUrl, role: 'serve' }),
  ])
  await query(server.superuserUrl, `CREATE ROLE passer_by LOGIN PASSWORD 'x'`)
  const passing = query(server.url('external', 'passer_by', 'x'), 'SELECT 1')
  await expect(passing).rejects.toThrow('permission denied for database')
  await query(url, `INSERT INTO shops (name) VALUES ('one')`)
  await query(url, 'SELECT ensure_year(2026)')
  await expect(query(url, 'DELETE FROM notes')).rejects.toThrow('permission denied')
  await expect(query(url, 'DELETE FROM _prisma_migrations')).rejects.toThrow('permission denied')
})
