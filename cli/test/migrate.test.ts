import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { startStack } from '../src/index.ts'
import { runMigrate } from '../src/migrate/migrate.ts'
import { freePorts, readiness, recordingTerminal, temporaryDir } from './helpers.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

/** Both databases on an external server, prepared by its administrator. */
const external = (suffix: string) =>
  Object.fromEntries(
    ['users', 'events'].flatMap((name) => [
      [`${name.toUpperCase()}_ADMIN_URL`, server.superuserUrl],
      [
        `${name.toUpperCase()}_OWNER_URL`,
        server.url(`${name}_${suffix}`, `${name}_${suffix}_owner`, 'p@ss/w:rd'),
      ],
      [
        `${name.toUpperCase()}_DATABASE_URL`,
        server.url(`${name}_${suffix}`, `${name}_${suffix}_serve`, 's%rve'),
      ],
    ]),
  )

test('deploy prepares and migrates databases given by URL; a second run changes nothing', async () => {
  const env = external('twice')
  const first = recordingTerminal()
  expect(await runMigrate({ env, terminal: first.terminal })).toBe(0)
  const applied = first.lines.filter((line) => line.startsWith('migrate'))
  expect(applied).toEqual([
    expect.stringMatching(/^migrate users: applied \d+_initial/),
    expect.stringMatching(/^migrate events: applied \d+_initial/),
  ])

  const second = recordingTerminal()
  expect(await runMigrate({ env, terminal: second.terminal })).toBe(0)
  expect(second.lines.filter((line) => line.startsWith('migrate'))).toEqual([
    'migrate users: up to date',
    'migrate events: up to date',
  ])
  const status = recordingTerminal()
  expect(await runMigrate({ step: 'status', env, terminal: status.terminal })).toBe(0)
  expect(status.lines.filter((line) => line.endsWith('pending'))).toEqual([])
})

test('three deploys at once apply everything once', async () => {
  const env = external('thrice')
  const runs = [recordingTerminal(), recordingTerminal(), recordingTerminal()]
  await Promise.all(runs.map(({ terminal }) => runMigrate({ env, terminal })))
  const lines = runs.flatMap((run) => run.lines).filter((line) => line.startsWith('migrate'))
  expect(lines.filter((line) => line.includes('users: applied'))).toHaveLength(1)
  expect(lines.filter((line) => line.includes('events: applied'))).toHaveLength(1)
  expect(lines).toHaveLength(6)
})

test('the stack serves from databases given by URL, and stores no part of them', async () => {
  await using home = await temporaryDir()
  const env = external('served')
  await runMigrate({ env, terminal: recordingTerminal().terminal })
  await using stack = await startStack({ ...env, ...freePorts, DATA_DIR: home.dir })
  expect(await Promise.all(Object.values(stack.urls).map(readiness))).toEqual([200, 200, 200])
})

test('one role may own and serve: it keeps its privileges', async () => {
  const { ownerUrl } = await server.createDatabase()
  const users = await server.createDatabase()
  const env = { USERS_DATABASE_URL: users.ownerUrl, EVENTS_DATABASE_URL: ownerUrl }
  await runMigrate({ env, terminal: recordingTerminal().terminal })
  expect(await runMigrate({ env, terminal: recordingTerminal().terminal })).toBe(0)
})

test('status lists pending migrations with exit status 1, changes nothing, and works while the stack runs', async () => {
  const { ownerUrl, url } = await server.createDatabase()
  const pending = recordingTerminal()
  const given = { EVENTS_DATABASE_URL: url, EVENTS_OWNER_URL: ownerUrl }
  await using home = await temporaryDir()
  const env = { ...given, DATA_DIR: home.dir }
  for (let run = 0; run < 2; run += 1)
    expect(await runMigrate({ step: 'status', env, terminal: pending.terminal })).toBe(1)
  expect(pending.lines.filter((line) => /events: \d+_initial pending/.test(line))).toHaveLength(2)
  expect(pending.lines).toContain(`status users: no database in ${home.dir} yet, npm start creates it`)

  await using _stack = await startStack(
    { ...freePorts, DATA_DIR: home.dir },
    { services: ['events'], durable: false },
  )
  const while_ = recordingTerminal()
  expect(await runMigrate({ step: 'status', env: { DATA_DIR: home.dir }, terminal: while_.terminal })).toBe(1)
  expect(while_.lines).toContainEqual(expect.stringMatching(/^status events: \d+_initial applied$/))
  await expect(runMigrate({ env: { DATA_DIR: home.dir }, terminal: while_.terminal })).rejects.toThrow(
    'is in use',
  )
})

test('status says why a data directory cannot be used, and creates none', async () => {
  await using home = await temporaryDir()
  const file = path.join(home.dir, 'file')
  await writeFile(file, '')
  for (const dir of [file, path.join(file, 'data'), '/proc/data'])
    await expect(
      runMigrate({ step: 'status', env: { DATA_DIR: dir }, terminal: recordingTerminal().terminal }),
    ).rejects.toThrow(/DATA_DIR/)
  const missing = path.join(home.dir, 'a/b')
  await runMigrate({ step: 'status', env: { DATA_DIR: missing }, terminal: recordingTerminal().terminal })
  expect(await readdir(home.dir)).toEqual(['file'])
})
