import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { connect, openSnapshot } from '@user-stats/postgres'
import { startTestPostgres } from '@user-stats/postgres/testing'
import { eventsSchema } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import type { BackupOptions } from '../src/backup/arguments.ts'
import { runBackup } from '../src/backup/command.ts'
import { dumpEvents } from '../src/backup/dump.ts'
import type { BackupManifest } from '../src/backup/manifest.ts'
import { startStack, type Stack } from '../src/index.ts'
import { freePorts, recordingTerminal, runProgram, temporaryDir } from './helpers.ts'
import { openShop } from './shop.ts'

jest.setTimeout(300_000)

let home: Awaited<ReturnType<typeof temporaryDir>>
let dataDir: string
let stack: Stack
let shop: Awaited<ReturnType<typeof openShop>>

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
const finished = async (dir: string) => (await readdir(dir)).filter((name) => name.startsWith('20')).sort()
/** The latest backup in a directory. */
const latest = async (dir: string) => path.join(dir, (await finished(dir)).at(-1) ?? '')
const rowsOf = async (file: string) =>
  zstdDecompressSync(await readFile(file))
    .toString()
    .split('\n')
    .slice(0, -1)
const manifestOf = async (dir: string) =>
  JSON.parse(await readFile(path.join(dir, 'manifest.json'), 'utf8')) as BackupManifest

beforeAll(async () => {
  home = await temporaryDir()
  dataDir = path.join(home.dir, 'data')
  stack = await startStack({ ...freePorts, DATA_DIR: dataDir })
  shop = await openShop(stack)
  await Promise.all(Array.from({ length: 20 }, (_, n) => shop.register(`user-${String(n)}`)))
  await shop.visit(await shop.register('ann'), 3)
})
afterAll(async () => {
  await stack.stop()
  await home[Symbol.asyncDispose]()
})

test('a backup contains no data key, the data keys are stored apart, and the master key is in neither', async () => {
  const users = openUsersDatabase({ url: stack.databases.users.ownerUrl })
  const { rows } = await users.pool.query<{ key: Buffer; id: string }>(
    'SELECT key, master_key_id AS id FROM user_keys',
  )
  await users.close()
  const { status, lines } = await backup()
  expect(status).toBe(0)
  expect(lines.at(-2)).toBe(
    `secrets opened by the master key with the id ${rows[0]?.id ?? ''} (${path.join(dataDir, 'master-key')}), which neither contains: keep a copy elsewhere`,
  )

  const masterKey = (await readFile(path.join(dataDir, 'master-key'), 'utf8')).trim()
  const keys = rows.map(({ key }) => key.toString('hex'))
  const secrets = [masterKey, Buffer.from(masterKey, 'base64').toString('hex')]
  const dir = await latest(`${dataDir}-backups`)
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const content = await readFile(path.join(entry.parentPath, entry.name))
    const text = (entry.name.endsWith('.zst') ? zstdDecompressSync(content) : content).toString()
    expect([entry.name, [...keys, ...secrets].filter((secret) => text.includes(secret))]).toEqual([
      entry.name,
      [],
    ])
  }
  const kept = await rowsOf(path.join(await latest(`${dataDir}-key-backups`), 'user_keys.copy.zst'))
  expect(kept).toHaveLength(21)
  for (const key of keys) expect(kept.join('\n')).toContain(key)
  expect(kept.join('\n')).not.toContain(secrets[1])
})

test('a backup is a consistent snapshot of each database while services write', async () => {
  let writing = true
  const visitors = Array.from({ length: 4 }, (_, n) => `visitor-${String(n)}`)
  for (const visitor of visitors) await shop.visit(visitor)
  const writers = visitors.map(async (visitor) => {
    while (writing) await shop.visit(visitor)
  })
  const { status } = await backup({ to: path.join(home.dir, 'running') })
  writing = false
  await Promise.all(writers)
  expect(status).toBe(0)
  const dir = await latest(path.join(home.dir, 'running'))
  const { tables } = (await manifestOf(dir)).databases.events
  const events = tables
    .filter(({ name }) => name.startsWith('events_'))
    .reduce((sum, { rows }) => sum + rows, 0)
  const totals = await rowsOf(path.join(dir, 'events', 'day_totals.copy.zst'))
  expect(totals.reduce((sum, row) => sum + Number(row.split('\t')[2]), 0)).toBe(events)
  expect(events).toBeGreaterThan(3)
})

test('a month that retention drops meanwhile is left out, and the rest is of a later snapshot', async () => {
  await using server = await startTestPostgres()
  const { ownerUrl } = await server.createDatabase(eventsSchema)
  await using owner = await connect(ownerUrl)
  await owner.query(`SELECT ensure_month('2026-01-01'), ensure_month('2026-10-01')`)
  await owner.query(
    `INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
     SELECT 1, at, 'u', 'view', '{}', at FROM unnest('{2026-01-02,2026-10-02}'::timestamptz[]) at`,
  )
  await using snapshot = await openSnapshot(ownerUrl)
  await owner.query(`SELECT drop_months('2026-02-01')`)
  const dir = path.join(home.dir, 'dropped')
  await mkdir(dir)
  const { database } = await dumpEvents(ownerUrl, { snapshot, dir, onBytes: () => undefined })
  const rows = Object.fromEntries(database.tables.map((table) => [table.name, table.rows]))
  expect(rows).toMatchObject({ events_y2026m10: 1, retention: 1 })
  expect(rows).not.toHaveProperty('events_y2026m01')
})

test('backups of data keys that are too old are deleted by the next backup, and no others', async () => {
  const keysTo = path.join(home.dir, 'keys')
  const at = (day: string) => () => new Date(`2026-10-${day}T12:00:00Z`)
  for (const day of ['01', '02']) await backup({ keysTo }, at(day))
  // Backups of the previous version, of the same installation and of another.
  const [about] = [await manifestOf(await latest(keysTo))]
  for (const [name, masterKeys] of Object.entries({ ours: about.masterKeys, theirs: ['0123456789abcdef'] })) {
    const old = { ...about, version: 1, installation: '7', masterKeys, createdAt: '2026-09-01T00:00:00.000Z' }
    await mkdir(path.join(keysTo, name))
    await writeFile(path.join(keysTo, name, 'manifest.json'), JSON.stringify(old))
  }
  await backup({ keysTo }, at('31'))
  const left = (await readdir(keysTo)).filter((name) => !name.startsWith('lock'))
  expect(left.sort()).toEqual(['2026-10-02T12-00-00-000Z', '2026-10-31T12-00-00-000Z', 'theirs'])

  await writeFile(path.join(keysTo, 'theirs', 'manifest.json'), '{')
  const { status, lines } = await backup({ keysTo }, at('30'))
  expect([status, lines]).toEqual([
    1,
    expect.arrayContaining([expect.stringMatching(/^wrong .*theirs.* is damaged/)]),
  ])
})

test('a failed or killed backup leaves nothing that counts as a backup', async () => {
  const to = path.join(home.dir, 'broken')
  const begin = async () => {
    const program = runProgram({ DATA_DIR: dataDir }, 'backup', '--to', to)
    while ((await readdir(to).catch(() => [])).every((name) => !name.startsWith('.unfinished-')))
      await new Promise((resolve) => setTimeout(resolve, 1))
    return program
  }
  const killed = await begin()
  killed.child.kill('SIGKILL')
  await killed.ended
  expect(await finished(to)).toEqual([])
  expect((await readdir(to)).filter((name) => name.startsWith('.unfinished-'))).toHaveLength(1)
  await rm(to, { recursive: true })

  const given = await begin()
  given.child.kill('SIGTERM')
  expect(await given.ended).toMatchObject({
    code: 143,
    stderr: 'user-stats: interrupted; nothing was changed\n',
  })
  expect((await readdir(to)).filter((name) => /^\.unfinished|^20/.test(name))).toEqual([])
})

test('a backup that is not possible is reported in one line', async () => {
  const empty = path.join(home.dir, 'empty')
  await mkdir(empty)
  await expect(runBackup({ env: { DATA_DIR: empty }, ...recordingTerminal() })).rejects.toThrow(
    `there is no users database in ${empty}`,
  )
  expect(await readdir(empty)).toEqual([])
  await expect(backup({ to: path.join(dataDir, 'inside') })).rejects.toThrow(
    '--to: expected a place outside of',
  )
  await expect(backup({ to: home.dir })).rejects.toThrow('expected two directories')
  await writeFile(path.join(home.dir, 'file'), '')
  await expect(backup({ to: path.join(home.dir, 'file') })).rejects.toThrow('--to: ')
})
