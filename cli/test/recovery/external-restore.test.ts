import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { connect } from '@user-stats/postgres'
import { startTestPostgres } from '@user-stats/postgres/testing'
import { runBackup } from '../../src/backup/command.ts'
import { startStack } from '../../src/index.ts'
import { runMigrate } from '../../src/migrate/migrate.ts'
import { runRestore, type RestoreOptions } from '../../src/restore/command.ts'
import { runVerify } from '../../src/verify/verify.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../helpers.ts'
import { openShop, reopenShop } from '../shop.ts'

jest.setTimeout(600_000)

test('external databases are backed up while services run, and restored next to the served ones', async () => {
  await using server = await startTestPostgres()
  await using home = await temporaryDir()
  await using admin = await connect(server.superuserUrl)
  await admin.query(`CREATE ROLE dba LOGIN CREATEDB CREATEROLE PASSWORD 'd'`)
  const urls = {
    USERS_OWNER_URL: server.url('users', 'users_owner', 'o'),
    USERS_DATABASE_URL: server.url('users', 'users_service', 's'),
    EVENTS_OWNER_URL: server.url('events', 'events_owner', 'o'),
    EVENTS_DATABASE_URL: server.url('events', 'events_service', 's'),
  }
  const administrators = Object.fromEntries(
    ['USERS_ADMIN_URL', 'EVENTS_ADMIN_URL'].map((name) => [name, server.url('postgres', 'dba', 'd')]),
  )
  const dataDir = path.join(home.dir, 'data')
  const env = { ...urls, ...administrators, DATA_DIR: dataDir }
  const databases = async () =>
    (
      await admin.query<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE datname ~ '^(users|events)'`,
      )
    ).rows
      .map(({ name }) => name.replace(/\d{14}/, 'STAMP'))
      .sort()
  const backup = (to: string) => runBackup({ to: path.join(home.dir, to), env, ...recordingTerminal() })
  const restore = async (options: RestoreOptions, of: Record<string, string> = env) => {
    const { terminal, lines } = recordingTerminal()
    return { status: await runRestore({ force: true, ...options, env: of, terminal }), lines }
  }
  const [good, wrong] = [path.join(home.dir, 'good'), path.join(home.dir, 'wrong')]
  await runMigrate({ env, ...recordingTerminal() })

  let apiKey: string
  {
    await using stack = await startStack({ ...env, ...freePorts })
    const shop = await openShop(stack)
    apiKey = shop.apiKey
    await shop.visit(await shop.register('ann'), 2)
    const bob = await shop.register('bob')
    await shop.visit(bob, 2)
    expect(await backup('good')).toBe(0)
    await expect(restore({ from: good })).rejects.toThrow(/^the stack runs on .*data/)
    const elsewhere = { ...env, DATA_DIR: path.join(home.dir, 'elsewhere') }
    const key = (await readFile(path.join(dataDir, 'master-key'), 'utf8')).trim()
    await mkdir(elsewhere.DATA_DIR)
    await expect(
      restore({ from: good, keysFrom: `${dataDir}-key-backups` }, { ...elsewhere, MASTER_KEY: key }),
    ).rejects.toThrow(/sessions of "user-stats .*" use the database users: stop the services first/)
    await shop.send('DELETE', `/api/user/${bob}`, shop.token)
  }
  await expect(restore({ from: good }, { ...urls, DATA_DIR: dataDir })).rejects.toThrow(
    /^USERS_ADMIN_URL: expected a role that may create databases and act for users_owner/,
  )
  expect(await databases()).toEqual(['events', 'users'])

  await using events = await connect(urls.EVENTS_OWNER_URL)
  await events.query('UPDATE day_totals SET events = events + 1')
  await backup('wrong')
  await events.query('UPDATE day_totals SET events = events - 1')
  await events.end()
  const refused = await restore({ from: wrong })
  expect([refused.status, refused.lines.at(-1)]).toEqual([
    1,
    expect.stringMatching(/^done nothing was changed/),
  ])
  expect(await databases()).toEqual(['events', 'users'])
  expect((await restore({ from: wrong, unverified: true })).status).toBe(0)
  const kept = ['events', 'events_replaced_STAMP', 'users', 'users_replaced_STAMP']
  expect(await databases()).toEqual(kept)
  expect(await runVerify({ env, ...recordingTerminal() })).toBe(1)
  expect((await restore({ undo: true })).status).toBe(0)
  expect(await databases()).toEqual(['events', 'users'])
  expect(await runVerify({ env, ...recordingTerminal() })).toBe(0)

  expect((await restore({ from: good })).status).toBe(0)
  expect(await databases()).toEqual(kept)
  // Not removed before a start has succeeded.
  await backup('third')
  expect(await databases()).toEqual(kept)
  await using stack = await startStack({ ...env, ...freePorts })
  expect(await databases()).toEqual(['events', 'users'])
  const shop = await reopenShop(stack, apiKey)
  expect([await shop.find('bob'), await shop.views()]).toEqual([404, 2])
  expect(await shop.find('ann')).toMatch(/^[\da-f-]{36}$/)
  await shop.visit(await shop.register('cid'))
  expect(await shop.views()).toBe(3)
})
