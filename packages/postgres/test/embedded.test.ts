import { chmod, lstat, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../src/index.ts'
import { query, startFixture, temporaryDir } from './helpers.ts'

const settingsOf = async (url: string, names: string[]) => {
  const rows = await query<{ name: string; setting: string }>(
    url,
    `SELECT name, setting FROM pg_settings WHERE name IN ('${names.join("','")}')`,
  )
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
}

test('a server keeps its data and its password across a restart', async () => {
  await using temporary = await temporaryDir()
  const messages: string[] = []
  const start = () =>
    startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', log: (message) => messages.push(message) })

  const first = await start()
  await query(first.superuserUrl, 'CREATE TABLE kept AS SELECT 1 AS one')
  await first.stop()
  await first.stop()
  await expect(query(first.superuserUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')

  await using second = await start()
  expect(await query(second.superuserUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }])
  expect(second.adopted).toBe(false)
  expect(messages.filter((message) => message.startsWith('initialising'))).toHaveLength(1)
  expect(await readdir(second.home)).toEqual(['pgdata', 'server.log', 'superuser-password'])
  expect((await stat(path.join(second.home, 'superuser-password'))).mode & 0o777).toBe(0o600)

  const settings = await settingsOf(second.superuserUrl, [
    'server_encoding',
    'data_checksums',
    'fsync',
    'synchronous_commit',
    'TimeZone',
    'unix_socket_directories',
    'jit',
  ])
  expect(settings).toEqual({
    server_encoding: 'UTF8',
    data_checksums: 'on',
    fsync: 'on',
    synchronous_commit: 'on',
    TimeZone: 'UTC',
    unix_socket_directories: '',
    jit: 'off',
  })
  // Order and case do not depend on the machine's locales.
  const [row] = await query(second.superuserUrl, `SELECT lower('ÄÖ') AS lower, 'a' < 'B' AS natural`)
  expect(row).toEqual({ lower: 'äö', natural: false })
})

test('the server listens on loopback only and asks for the password', async () => {
  await using temporary = await temporaryDir()
  await using server = await startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', durable: false })
  await expect(query(server.url('postgres', 'postgres', 'wrong'), 'SELECT 1')).rejects.toThrow('password')
  const elsewhere = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  for (const { address, internal, family } of elsewhere) {
    if (internal || family !== 'IPv4') continue
    const socket = connect(server.port, address)
    await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED')
  }
})

test('what clients send never reaches the server log', async () => {
  await using temporary = await temporaryDir()
  await using server = await startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', durable: false })
  await query(server.superuserUrl, `CREATE TABLE people (email text PRIMARY KEY)`)
  const insert = `INSERT INTO people VALUES ('ada@example.org')`
  await query(server.superuserUrl, insert)
  await expect(query(server.superuserUrl, insert)).rejects.toThrow('duplicate key')
  await expect(query(server.superuserUrl, `SELECT 'ada@example.org'::int`)).rejects.toThrow('invalid input')
  await expect(query(server.superuserUrl, `SELEC 'ada@example.org'`)).rejects.toThrow('syntax error')
  const log = await readFile(path.join(server.home, 'server.log'), 'utf8')
  expect(log).toContain('ready to accept connections')
  expect(log).not.toContain('ada@')
})

test('a server left by a killed run is adopted, and stops as if it were our own', async () => {
  await using temporary = await temporaryDir()
  const { line, ended } = await startFixture('start-and-die.ts', temporary.dir)
  await ended
  const server = await startEmbeddedPostgres({ dataDir: temporary.dir, name: 'test', durable: false })
  expect(server).toMatchObject({ adopted: true, port: Number(line) })
  expect(await query(server.superuserUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  await server.stop()
  await expect(query(server.superuserUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
})

test('a server killed with SIGKILL starts again, committed data intact', async () => {
  await using temporary = await temporaryDir()
  const start = (port?: number) =>
    startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', ...(port !== undefined && { port }) })
  const first = await start()
  await query(first.superuserUrl, 'CREATE TABLE kept AS SELECT 1 AS one')
  const pidFile = await readFile(path.join(first.home, 'pgdata', 'postmaster.pid'), 'utf8')
  process.kill(Number.parseInt(pidFile, 10), 'SIGKILL')

  await using second = await start(first.port)
  expect(second.port).toBe(first.port)
  expect(await query(second.superuserUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }])
})

test('a stale pid file, whose number belongs to another program by now, does not prevent a start', async () => {
  await using temporary = await temporaryDir()
  const start = () => startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', durable: false })
  const first = await start()
  await first.stop()
  const pidFile = path.join(first.home, 'pgdata', 'postmaster.pid')
  await writeFile(pidFile, `${String(process.ppid)}\n${first.home}/pgdata\n1\n1\n\n127.0.0.1\n1 1\nready\n`)
  await using second = await start()
  expect(second.adopted).toBe(false)
})

test('a port in use is reported in one line', async () => {
  await using temporary = await temporaryDir()
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const { port } = blocker.address() as AddressInfo
  const refusal = startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', durable: false, port })
  await expect(refusal).rejects.toThrow(EmbeddedPostgresError)
  await expect(refusal).rejects.toThrow(
    /did not start in .*: could not bind IPv4 address "127.0.0.1": Address already in use/,
  )
  blocker.close()
})

test('a half-initialised cluster of a killed start is initialised again', async () => {
  await using temporary = await temporaryDir()
  const unfinished = path.join(temporary.dir, 'users', 'pgdata.new')
  await mkdir(unfinished, { recursive: true })
  await writeFile(path.join(unfinished, 'PG_VERSION'), '18\n')
  await using server = await startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users', durable: false })
  expect(await query(server.superuserUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('data of another major version is refused', async () => {
  await using temporary = await temporaryDir()
  const pgdata = path.join(temporary.dir, 'users', 'pgdata')
  await mkdir(pgdata, { recursive: true })
  await writeFile(path.join(pgdata, 'PG_VERSION'), '17\n')
  await expect(startEmbeddedPostgres({ dataDir: temporary.dir, name: 'users' })).rejects.toThrow(
    /made by PostgreSQL 17, these programs are version 18/,
  )
})

const asRoot = process.getuid?.() === 0 ? test : test.skip

asRoot('under root, data the server user cannot reach is kept elsewhere and linked', async () => {
  await using temporary = await temporaryDir()
  await chmod(temporary.dir, 0o700)
  const messages: string[] = []
  const start = () =>
    startEmbeddedPostgres({
      dataDir: path.join(temporary.dir, 'data'),
      name: 'users',
      durable: false,
      log: (message) => messages.push(message),
    })
  const first = await start()
  expect(first.home.startsWith('/var/lib/user-statistics/')).toBe(true)
  expect(messages[0]).toContain('cannot reach')
  expect((await lstat(path.join(temporary.dir, 'data', 'users'))).isSymbolicLink()).toBe(true)
  await query(first.superuserUrl, 'CREATE TABLE kept AS SELECT 1 AS one')
  await first.stop()

  await using second = await start()
  expect(second.home).toBe(first.home)
  expect(await query(second.superuserUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }])
  await second.stop()
  await rm(second.home, { recursive: true })
})
