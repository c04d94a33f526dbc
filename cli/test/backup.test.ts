import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { openUsersDatabase } from '@user-stats/prisma-users'
import type { BackupOptions } from '../src/backup/arguments.ts'
import { runBackup } from '../src/backup/command.ts'
import { startStack } from '../src/index.ts'
import { startClusters } from '../src/databases/clusters.ts'
import { runVerify } from '../src/verify/verify.ts'
import { freePorts, recordingTerminal, runProgram, temporaryDir } from './helpers.ts'
import { openShop } from './shop.ts'

// Every file of two clusters is copied, digested and proved, several times over.
jest.setTimeout(300_000)

let home: Awaited<ReturnType<typeof temporaryDir>>
let dataDir: string
let keys: Buffer[]

/** Names of files below a directory that hold any of these bytes. */
async function filesWith(dir: string, wanted: readonly Buffer[]): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const content = await readFile(path.join(entry.parentPath, entry.name))
    if (wanted.some((bytes) => content.includes(bytes))) found.push(entry.name)
  }
  return found
}
const backup = async (options: BackupOptions = {}, clock?: () => Date) => {
  const { terminal, lines } = recordingTerminal()
  const status = await runBackup({
    ...options,
    env: { DATA_DIR: dataDir },
    terminal,
    ...(clock && { clock }),
  })
  return { status, lines }
}

beforeAll(async () => {
  home = await temporaryDir()
  dataDir = path.join(home.dir, 'data')
  await using stack = await startStack({ ...freePorts, DATA_DIR: dataDir })
  const shop = await openShop(stack)
  await Promise.all(Array.from({ length: 20 }, (_, n) => shop.register(`user-${String(n)}`)))
  await shop.visit(await shop.register('ann'), 3)
  const users = openUsersDatabase({ url: stack.databases.users.ownerUrl })
  const { rows } = await users.pool.query<{ key: Buffer }>('SELECT key FROM user_keys')
  keys = rows.map(({ key }) => key)
  // Samples of keys would go into the planner's statistics, as they do in any database after a while.
  await users.pool.query('ANALYZE user_keys')
  await users.close()
})
afterAll(async () => {
  await home[Symbol.asyncDispose]()
})

test('a backup holds no data key in any file, although the database held them in several', async () => {
  expect(keys).toHaveLength(21)
  const before = await filesWith(path.join(dataDir, 'users'), keys)
  expect(before.length).toBeGreaterThan(1)

  const { status, lines } = await backup()
  expect(status).toBe(0)
  expect(lines.at(-1)).toMatch(/^done .*the master key is in neither$/)
  const masterKey = (await readFile(path.join(dataDir, 'master-key'), 'utf8')).trim()
  const secrets = [...keys, Buffer.from(masterKey), Buffer.from(masterKey, 'base64')]
  expect(await filesWith(`${dataDir}-backups`, secrets)).toEqual([])

  const [stamp = ''] = (await readdir(`${dataDir}-key-backups`)).filter((name) => name.startsWith('20'))
  const kept = await readFile(path.join(`${dataDir}-key-backups`, stamp, 'user-keys.ndjson'), 'utf8')
  const exported = kept
    .trim()
    .split('\n')
    .map((line) => Buffer.from((JSON.parse(line) as { key: string }).key.slice(2), 'hex'))
  expect(new Set(exported.map((key) => key.toString('hex')))).toEqual(
    new Set(keys.map((key) => key.toString('hex'))),
  )
  expect(kept).not.toContain(masterKey)
})

test('a backup is of what was there, which stays as it was', async () => {
  await backup({ to: path.join(home.dir, 'second') })
  const [stamp = ''] = (await readdir(path.join(home.dir, 'second'))).filter((name) => name.startsWith('20'))
  const copy = await startClusters({ dataDir: path.join(home.dir, 'second', stamp) })
  const { rows } = await copy.users.query('SELECT count(*)::int AS users FROM users')
  await copy.stop()
  expect(rows).toEqual([{ users: 21 }])
  const { terminal, lines } = recordingTerminal()
  expect(await runVerify({ env: { DATA_DIR: dataDir }, terminal })).toBe(0)
  expect(lines).toEqual(expect.arrayContaining(['verify users: 21 checked', 'done all is as it should be']))
})

test('backups of data keys that are too old are deleted by the next backup, and no others', async () => {
  const keysTo = path.join(home.dir, 'keys')
  const at = (day: string) => () => new Date(`2026-10-${day}T12:00:00Z`)
  for (const day of ['01', '02', '31']) await backup({ keysTo }, at(day))
  const left = (await readdir(keysTo)).filter((name) => name.startsWith('20'))
  expect(left.sort()).toEqual(['2026-10-02T12-00-00-000Z', '2026-10-31T12-00-00-000Z'])
})

test('a backup is refused while the stack runs, unless it is asked to stop it', async () => {
  const stack = runProgram({ ...freePorts, DATA_DIR: dataDir }, 'start')
  await stack.ready
  const refused = await runProgram({ DATA_DIR: dataDir }, 'backup').ended
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(
    /^user-stats: the stack runs on .* \(process \d+\)\. Stop it, or ask for that with --stop\.\n$/,
  )
  const done = await runProgram({ DATA_DIR: dataDir }, 'backup', '--stop').ended
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect((await stack.ended).code).toBe(0)
})

test('a backup that fails or is killed midway leaves nothing that counts as one', async () => {
  const to = path.join(home.dir, 'broken')
  const killed = runProgram({ DATA_DIR: dataDir }, 'backup', '--to', to)
  await new Promise<void>((resolve) => {
    killed.child.stdout.on('data', (text: Buffer) => {
      if (text.includes('copied')) resolve()
    })
  })
  killed.child.kill('SIGKILL')
  await killed.ended
  expect((await readdir(to)).filter((name) => name.startsWith('20'))).toEqual([])
  expect((await readdir(to)).filter((name) => name.startsWith('.unfinished-'))).toHaveLength(1)

  // The next one finds the databases whole and removes what was left.
  const given = runProgram({ DATA_DIR: dataDir }, 'backup', '--to', to)
  await new Promise<void>((resolve) => {
    given.child.stdout.on('data', (text: Buffer) => {
      if (text.includes('copied')) resolve()
    })
  })
  given.child.kill('SIGTERM')
  expect(await given.ended).toMatchObject({
    code: 143,
    stderr: 'user-stats: interrupted; nothing was changed\n',
  })
  expect((await readdir(to)).filter((name) => /^\.unfinished|^20/.test(name))).toEqual([])
})

test('what cannot be backed up is told in one line', async () => {
  const empty = path.join(home.dir, 'empty')
  await mkdir(empty)
  await expect(runBackup({ env: { DATA_DIR: empty }, ...recordingTerminal() })).rejects.toThrow(
    `there is no users and no events database in ${empty}`,
  )
  await expect(backup({ to: path.join(dataDir, 'inside') })).rejects.toThrow(
    '--to: expected a place outside of',
  )
  await expect(backup({ to: home.dir })).rejects.toThrow('expected two places')
  await expect(
    runBackup({
      env: { DATA_DIR: dataDir, USERS_DATABASE_URL: 'postgresql://u:p@h/d' },
      ...recordingTerminal(),
    }),
  ).rejects.toThrow(/USERS_DATABASE_URL: expected none, .*pg_dump/)
  await writeFile(path.join(home.dir, 'file'), '')
  await expect(backup({ to: path.join(home.dir, 'file') })).rejects.toThrow('--to: ')
})
