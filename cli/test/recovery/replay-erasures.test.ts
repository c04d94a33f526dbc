import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { connect } from '@user-stats/postgres'
import { startTestPostgres } from '@user-stats/postgres/testing'
import { startStack } from '../../src/index.ts'
import { runMigrate } from '../../src/migrate/migrate.ts'
import {
  runExportErasures,
  runReplayErasures,
  type ReplayErasuresOptions,
} from '../../src/tombstones/command.ts'
import { runVerify } from '../../src/verify/verify.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../helpers.ts'
import { openShop, reopenShop } from '../shop.ts'

jest.setTimeout(600_000)

test('in databases restored with other tools erasures are repeated; users whose data keys are missing are kept until the operator deletes them', async () => {
  await using server = await startTestPostgres()
  await using home = await temporaryDir()
  await using admin = await connect(server.superuserUrl)
  const env = Object.fromEntries([
    ...['users', 'events'].flatMap((name) => [
      [`${name.toUpperCase()}_ADMIN_URL`, server.superuserUrl],
      [`${name.toUpperCase()}_OWNER_URL`, server.url(name, `${name}_owner`, 'o')],
      [`${name.toUpperCase()}_DATABASE_URL`, server.url(name, `${name}_service`, 's')],
    ]),
    ['DATA_DIR', path.join(home.dir, 'data')],
  ]) as Record<string, string>
  await runMigrate({ env, ...recordingTerminal() })
  const file = path.join(home.dir, 'tombstones.ndjson')

  let apiKey: string
  {
    await using stack = await startStack({ ...env, ...freePorts })
    const shop = await openShop(stack)
    apiKey = shop.apiKey
    for (const who of ['ann', 'cid']) await shop.visit(await shop.register(who), 1)
    const bob = await shop.register('bob')
    await shop.visit(bob, 2)
    await stack.stop()
  }
  for (const name of ['users', 'events'])
    await admin.query(`CREATE DATABASE copy_of_${name} OWNER ${name}_owner TEMPLATE ${name}`)
  {
    await using stack = await startStack({ ...env, ...freePorts })
    const shop = await reopenShop(stack, apiKey)
    const erased = await shop.send('DELETE', `/api/user/${String(await shop.find('bob'))}`, shop.token)
    expect(erased.body.events).toBe('2 events were deleted')
    await runExportErasures({ to: file, env, ...recordingTerminal() })
  }
  // As restored from a snapshot of the server, with later data keys except one.
  for (const name of ['users', 'events']) {
    await admin.query(`DROP DATABASE ${name}`)
    await admin.query(`ALTER DATABASE copy_of_${name} RENAME TO ${name}`)
  }
  const replay = async (options: Partial<ReplayErasuresOptions> = {}) => {
    const { terminal, lines } = recordingTerminal()
    return { status: await runReplayErasures({ from: file, ...options, env, terminal }), lines }
  }
  const other = path.join(home.dir, 'other.ndjson')
  const text = await readFile(file, 'utf8')
  const [, installation = ''] = /"installation":"([^"]+)"/.exec(text) ?? []
  await writeFile(other, text.replaceAll(installation, 'another'))
  await expect(replay({ from: other })).rejects.toThrow('is of another installation than these databases')

  expect(await replay()).toMatchObject({
    status: 0,
    lines: expect.arrayContaining(['erased 1 erasures carried out again, 2 events deleted']),
  })
  await using users = await connect(env['USERS_OWNER_URL'] ?? '')
  await users.query('DELETE FROM user_keys WHERE ctid = (SELECT min(ctid) FROM user_keys)')
  const missing = await replay()
  expect([missing.status, missing.lines]).toEqual([
    1,
    expect.arrayContaining([
      expect.stringMatching(/^wrong 1 users without a data key: .*--remove-unreadable/),
    ]),
  ])
  const count = 'SELECT count(*)::int AS users FROM users'
  expect((await users.query(count)).rows).toEqual([{ users: 2 }])
  expect(await replay({ removeUnreadable: true })).toMatchObject({ status: 0 })
  expect((await users.query(count)).rows).toEqual([{ users: 1 }])
  expect(await runVerify({ env, ...recordingTerminal() })).toBe(0)
})
