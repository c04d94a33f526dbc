import { execFile } from 'node:child_process'
import { cp, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, jest, test } from '@jest/globals'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { startStack } from '../src/index.ts'
import { runMigrate } from '../src/migrate/migrate.ts'
import { runReplayErasures } from '../src/tombstones/command.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../test/helpers.ts'
import { openShop, reopenShop } from '../test/shop.ts'
import { findPrograms, startServer } from './server.ts'

jest.setTimeout(600_000)

const run = promisify(execFile)
const root = path.join(import.meta.dirname, '../..')

// Needs a PostgreSQL server and its client programs on this machine: `npm run test:dump`, apart from the other tests,
// which need nothing.

/** The commands of docs/backup.md, as they stand there. */
async function commands(name: string): Promise<string> {
  const page = await readFile(path.join(root, 'docs/backup.md'), 'utf8')
  const found = new RegExp(`<!-- tested: ${name} -->\\s+\`\`\`sh\\n(.*?)\`\`\``, 's').exec(page)
  if (!found?.[1]) throw new Error(`docs/backup.md has no commands "${name}"`)
  return found[1]
}

test('the documented commands dump and restore databases of your own; data keys are apart, the erased stay erased', async () => {
  const bin = await findPrograms()
  await using server = await startServer(bin)
  await using home = await temporaryDir()
  /** Both databases under names of their own. */
  const databases = (suffix: string) =>
    Object.fromEntries(
      ['users', 'events'].flatMap((name) => [
        [`${name.toUpperCase()}_ADMIN_URL`, server.url('postgres', 'postgres')],
        [`${name.toUpperCase()}_OWNER_URL`, server.url(name + suffix, `${name}${suffix}_owner`)],
        [`${name.toUpperCase()}_DATABASE_URL`, server.url(name + suffix, `${name}${suffix}_serve`)],
      ]),
    )
  const follow = async (name: string, suffix: string, to: string) => {
    await mkdir(to, { recursive: true })
    const env = {
      ...process.env,
      ...databases(suffix),
      BACKUP: to,
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    }
    return await run('bash', ['-euxo', 'pipefail', '-c', await commands(name)], { cwd: root, env })
  }
  const [before, after] = [path.join(home.dir, 'before'), path.join(home.dir, 'after')]
  const env = { ...databases(''), ...freePorts, DATA_DIR: path.join(home.dir, 'data') }
  await runMigrate({ env: databases(''), terminal: recordingTerminal().terminal })

  const ids: Record<string, string> = {}
  let apiKey: string
  let keys: string[]
  {
    await using stack = await startStack(env)
    const shop = await openShop(stack)
    apiKey = shop.apiKey
    for (const who of ['ann', 'bob', 'cid']) await shop.visit((ids[who] = await shop.register(who)), 2)
    await follow('dump', '', before)
    const users = openUsersDatabase({ url: stack.databases.users.ownerUrl })
    const { rows } = await users.pool.query<{ key: string }>(
      `SELECT encode(key, 'hex') AS key FROM user_keys`,
    )
    keys = rows.map(({ key }) => key)
    await users.close()
    await shop.send('DELETE', `/api/user/${ids['bob'] ?? ''}`, shop.token)
    // His data key is in the newest dump of keys, he is not in the users to be restored.
    ids['dan'] = await shop.register('dan')
    await follow('dump', '', after)
  }
  expect(keys).toHaveLength(3)
  const text = async (file: string) =>
    (await run(path.join(bin, 'pg_restore'), ['--file=-', path.join(before, file)], { maxBuffer: 2 ** 28 }))
      .stdout
  const dumped = await text('users.dump')
  expect(dumped).toContain('COPY public.users')
  for (const key of keys) expect(dumped).not.toContain(key)
  for (const key of keys) expect(await text('user-keys.dump')).toContain(key)

  // The old databases with the newest keys and tombstones.
  for (const file of ['user-keys.dump', 'tombstones.ndjson'])
    await cp(path.join(after, file), path.join(before, file))
  const { stdout } = await follow('restore', '_again', before)
  expect(stdout).toMatch(/^erased {4}[1-9]\d* erasures carried out again, 2 events deleted$/m)
  expect(stdout).toMatch(/^done {6}all is as it should be$/m)

  // What was restored can be dumped, and restored over what is there.
  const third = path.join(home.dir, 'third')
  await follow('dump', '_again', third)
  const restored = openUsersDatabase({ url: server.url('users_again', 'users_again_owner') })
  await restored.pool.query('DELETE FROM user_keys')
  await restored.close()
  const file = path.join(third, 'tombstones.ndjson')
  await expect(
    runReplayErasures({ from: file, env: databases('_again'), terminal: recordingTerminal().terminal }),
  ).rejects.toThrow('restore the data keys first')
  const again = await follow('restore', '_again', third)
  expect(again.stdout).toMatch(/^erased {4}0 erasures carried out again, 0 events deleted$/m)
  expect(again.stdout).toMatch(/^done {6}all is as it should be$/m)

  await using stack = await startStack({ ...env, ...databases('_again') })
  const shop = await reopenShop(stack, apiKey)
  expect([
    await shop.find('ann'),
    await shop.find('bob'),
    await shop.find('cid'),
    await shop.find('dan'),
  ]).toEqual([ids['ann'], 404, ids['cid'], 404])
  expect(await shop.views()).toBe(4)
  const late = await shop.send('POST', '/api/event', shop.token, {
    type: 'view',
    user_id: ids['bob'],
    data: {},
  })
  expect([late.status, late.body]).toEqual([409, expect.objectContaining({ code: 'USER_ERASED' })])
})
