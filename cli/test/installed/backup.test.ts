import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, jest, test } from '@jest/globals'
import { startStack } from '../../src/index.ts'
import { runMigrate } from '../../src/migrate/migrate.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../helpers.ts'
import { openShop, reopenShop } from '../shop.ts'
import { findPrograms, startServer } from './server.ts'

jest.setTimeout(600_000)

const run = promisify(execFile)
const root = path.join(import.meta.dirname, '../../..')

// Needs a PostgreSQL server from the distribution, older than the embedded one: `npm run test:postgresql`.

/** The commands of docs/backup.md, unchanged. */
async function commands(name: string): Promise<string> {
  const page = await readFile(path.join(root, 'docs/backup.md'), 'utf8')
  const found = new RegExp(`<!-- tested: ${name} -->\\s+\`\`\`sh\\n(.*?)\`\`\``, 's').exec(page)
  if (!found?.[1]) throw new Error(`docs/backup.md has no commands "${name}"`)
  return found[1]
}

test('the documented commands back up and restore databases on the server of the distribution, and the erased stay erased', async () => {
  const bin = await findPrograms()
  await using server = await startServer(bin)
  await using home = await temporaryDir()
  const databases = (suffix: string) =>
    Object.fromEntries(
      ['users', 'events'].flatMap((name) => [
        [`${name.toUpperCase()}_ADMIN_URL`, server.url('postgres', 'postgres')],
        [`${name.toUpperCase()}_OWNER_URL`, server.url(name + suffix, `${name}${suffix}_owner`)],
        [`${name.toUpperCase()}_DATABASE_URL`, server.url(name + suffix, `${name}${suffix}_serve`)],
      ]),
    )
  const envOf = (suffix: string) => ({ ...databases(suffix), DATA_DIR: path.join(home.dir, `data${suffix}`) })
  const follow = async (name: string, env: Record<string, string>) => {
    const places = { BACKUPS: path.join(home.dir, 'backups'), KEY_BACKUPS: path.join(home.dir, 'keys') }
    return await run('bash', ['-euxo', 'pipefail', '-c', await commands(name)], {
      cwd: root,
      env: { ...process.env, ...env, ...places },
    })
  }
  const env = envOf('')
  await runMigrate({ env, ...recordingTerminal() })

  let apiKey: string
  {
    await using stack = await startStack({ ...env, ...freePorts })
    const shop = await openShop(stack)
    apiKey = shop.apiKey
    for (const who of ['ann', 'bob']) await shop.visit(await shop.register(who), 2)
    await follow('backup', env)
    await shop.send('DELETE', `/api/user/${String(await shop.find('bob'))}`, shop.token)
  }
  const { stdout } = await follow('restore', env)
  expect(stdout).toMatch(/^erased {4}1 erasures carried out again, 2 events deleted$/m)
  expect(stdout).toMatch(/^done {6}no faults found$/m)

  // To an empty server, without roles, which knows nothing of the erasure.
  const again = envOf('_again')
  const key = await readFile(path.join(env.DATA_DIR, 'master-key'), 'utf8')
  await follow('restore', { ...again, MASTER_KEY: key.trim() })
  await using stack = await startStack({ ...again, ...freePorts, MASTER_KEY: key.trim() })
  const shop = await reopenShop(stack, apiKey)
  expect([await shop.find('bob'), await shop.views()]).toEqual([expect.stringMatching(/^[\da-f-]{36}$/), 4])
})
