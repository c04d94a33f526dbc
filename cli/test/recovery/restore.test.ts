import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { Client } from 'pg'
import { runBackup } from '../../src/backup/command.ts'
import { writeManifest } from '../../src/backup/manifest.ts'
import { startStack, type Stack } from '../../src/index.ts'
import { runRestore, type RestoreOptions } from '../../src/restore/command.ts'
import { runRotateMasterKey } from '../../src/rotate/command.ts'
import { runExportErasures } from '../../src/tombstones/command.ts'
import { runVerify } from '../../src/verify/verify.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../helpers.ts'
import { makePhysicalBackup } from './physical-backup.ts'
import { openShop, reopenShop } from '../shop.ts'

// Builds, copies and verifies several whole systems.
jest.setTimeout(600_000)

let home: Awaited<ReturnType<typeof temporaryDir>>
let dataDir: string
let first: string
let shopKey: string
const ids: Record<string, string> = {}
let deletedStore: number
/** Keys that were valid at the first backup and are not now: of stores, and of an admin. */
let caps: { id: number; apiKey: string }
let rotated: string
let secondAdmin: { id: string; secret: string; token: string }
let lastStore: number

const start = (dir: string) => startStack({ ...freePorts, DATA_DIR: dir })
const backups = () => `${dataDir}-backups`
const finished = async (dir: string) => (await readdir(dir)).filter((name) => name.startsWith('20')).sort()
const backup = () => runBackup({ env: { DATA_DIR: dataDir }, ...recordingTerminal() })
async function restore(dir: string, options: RestoreOptions) {
  const { terminal, lines } = recordingTerminal()
  const keysFrom = `${dataDir}-key-backups`
  const status = await runRestore({ keysFrom, ...options, env: { DATA_DIR: dir }, terminal })
  return { status, lines }
}

async function graphql(stack: Stack, token: string, query: string): Promise<any> {
  const answer = await fetch(new URL('/graphql', stack.urls.gateway), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  })
  return (await answer.json()) as any
}

/**
 * Creates stores, users and keys, and a backup; then erases, deletes, blocks, revokes and replaces some, and
 * adds more.
 */
beforeAll(async () => {
  home = await temporaryDir()
  dataDir = path.join(home.dir, 'data')
  {
    await using stack = await start(dataDir)
    const shop = await openShop(stack)
    shopKey = shop.apiKey
    for (const who of ['ann', 'bob', 'cid']) await shop.visit((ids[who] = await shop.register(who)), 2)
    await shop.visit('visitor-7', 1)
    const other = await openShop(stack, 'Hats')
    deletedStore = other.id
    await other.visit(await other.register('eve'), 2)
    caps = await openShop(stack, 'Caps')
    rotated = (await openShop(stack, 'Gloves')).apiKey
    const admin = await shop.tokenFor(stack.adminApiKey ?? '')
    const made = await graphql(
      stack,
      admin,
      'mutation { createApiKey(input: { role: ADMIN, name: "second" }) { apiKey { id } secret } }',
    )
    const { apiKey, secret } = made.data.createApiKey
    secondAdmin = { id: apiKey.id, secret, token: await shop.tokenFor(secret) }
  }
  await makePhysicalBackup(dataDir, {
    to: path.join(home.dir, 'physical'),
    keysTo: path.join(home.dir, 'physical-keys'),
  })
  await backup()
  first = path.join(backups(), (await finished(backups()))[0] ?? '')
  {
    await using stack = await start(dataDir)
    const shop = await reopenShop(stack, shopKey)
    expect((await shop.send('DELETE', `/api/user/${ids['bob'] ?? ''}`, shop.token)).body.events).toBe(
      '2 events were deleted',
    )
    const alone = await fetch(new URL(`/api/user/${ids['cid'] ?? ''}`, stack.urls.users), {
      method: 'DELETE',
      headers: { authorization: `Bearer ${shop.token}` },
    })
    expect(alone.status).toBe(200)
    const admin = await shop.tokenFor(stack.adminApiKey ?? '')
    expect((await shop.send('DELETE', `/api/store/${String(deletedStore)}`, admin)).status).toBe(200)
    await shop.visit(await shop.register('dan'), 5)
    const { data } = await graphql(stack, admin, '{ apiKeys(first: 100) { nodes { id name } } }')
    const gloves = data.apiKeys.nodes.find(({ name }: { name: string }) => name === 'Gloves')
    for (const mutation of [
      `blockStore(input: { id: ${String(caps.id)} }) { store { id } }`,
      `revokeApiKey(input: { id: "${secondAdmin.id}" }) { apiKey { id } }`,
      `rotateApiKey(input: { id: "${gloves.id as string}", overlapSeconds: 0 }) { secret }`,
    ])
      expect((await graphql(stack, admin, `mutation { ${mutation} }`)).errors).toBeUndefined()
    lastStore = (await openShop(stack, 'Scarves')).id
  }
})
afterAll(async () => {
  await home[Symbol.asyncDispose]()
})

/**
 * What a store sees after restoring the first backup: the data of that day, except for users erased since.
 */
async function expectRestored(dir: string): Promise<void> {
  const { terminal, lines } = recordingTerminal()
  expect(await runVerify({ env: { DATA_DIR: dir }, terminal })).toBe(0)
  expect(lines).toContain('done no faults found')
  await using stack = await start(dir)
  const shop = await reopenShop(stack, shopKey)
  expect(await shop.find('ann')).toBe(ids['ann'])
  for (const erased of ['bob', 'cid', 'dan']) expect([erased, await shop.find(erased)]).toEqual([erased, 404])
  // Two of ann, two of cid whose events were to be kept, one visitor.
  expect(await shop.views()).toBe(5)
  const late = await shop.send('POST', '/api/event', shop.token, {
    type: 'view',
    user_id: ids['bob'],
    data: {},
  })
  expect([late.status, late.body.code]).toEqual([409, 'USER_ERASED'])
  const admin = await shop.tokenFor((await readFile(path.join(dataDir, 'admin-api-key'), 'utf8')).trim())
  const stores = await shop.send('GET', '/api/store', admin)
  expect(stores.body.map(({ name, is_active }: any) => [name, is_active])).toEqual([
    ['Shoes', true],
    ['Caps', false],
    ['Gloves', true],
  ])
  await expectRefused(stack, admin)
  // Command ids continue after all that were executed: a new erasure gets a new one.
  const again = await shop.register('fay')
  await shop.visit(again, 3)
  expect((await shop.send('DELETE', `/api/user/${again}`, shop.token)).body.events).toBe(
    '3 events were deleted',
  )
}

/** Blocked, revoked and replaced since: refused as without a restore, and so is every earlier token. */
async function expectRefused(stack: Stack, admin: string): Promise<void> {
  const shop = await reopenShop(stack, shopKey)
  const refusal = async (api_key: string) => {
    const { status, body } = await shop.send('POST', '/api/auth/', undefined, { api_key })
    return [status, body.code]
  }
  expect(await refusal(caps.apiKey)).toEqual([403, 'STORE_BLOCKED'])
  for (const key of [rotated, secondAdmin.secret])
    expect(await refusal(key)).toEqual([401, 'INVALID_API_KEY'])
  for (const url of Object.values(stack.urls)) {
    const answer = await fetch(new URL('/graphql', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secondAdmin.token}` },
      body: JSON.stringify({ query: '{ __typename }' }),
    })
    expect([answer.status, ((await answer.json()) as any).errors[0].extensions.code]).toEqual([
      401,
      'TOKEN_INVALID',
    ])
  }
  // The events database refuses them itself, too.
  const client = new Client({ connectionString: stack.databases.events.url })
  await client.connect()
  const { rows } = await client.query(
    `SELECT (SELECT state::text FROM store_access WHERE store_id = $1) AS caps,
            EXISTS (SELECT FROM revoked_keys WHERE store_id = 0 AND key_id = $2) AS admin`,
    [caps.id, secondAdmin.id],
  )
  await client.end()
  expect(rows).toEqual([{ caps: 'BLOCKED', admin: true }])

  const made = await shop.send('POST', '/api/store', admin, { name: 'New' })
  expect(made.body.id).toBeGreaterThan(lastStore)
  expect((await shop.send('DELETE', `/api/store/${String(made.body.id)}`, admin)).status).toBe(200)
  const { data } = await graphql(
    stack,
    admin,
    '{ auditLog(first: 50, actions: [DATABASE_RESTORED, STORE_BLOCKED, API_KEY_REVOKED, API_KEY_ROTATED, SIGNING_KEY_ROTATED, USER_ERASED, USER_DELETED, STORE_DELETED]) { nodes { action requestId actor { role } } } eventsAuditLog(first: 50, actions: [DATABASE_RESTORED]) { nodes { requestId } } }',
  )
  const again = data.auditLog.nodes.filter(({ requestId }: any) => requestId === 'restore')
  expect(again.every(({ actor }: any) => actor.role === 'OPERATOR')).toBe(true)
  expect(new Set(again.map(({ action }: any) => action)).size).toBe(8)
  expect(data.eventsAuditLog.nodes).toEqual([{ requestId: 'restore' }])
}

const exportOf = (dir: string, to: string) =>
  runExportErasures({ to, env: { DATA_DIR: dir }, ...recordingTerminal() })

/** A directory with the master key of the installation. */
async function withMasterKey(name: string): Promise<string> {
  const dir = path.join(home.dir, name)
  await mkdir(dir)
  await cp(path.join(dataDir, 'master-key'), path.join(dir, 'master-key'))
  return dir
}

test('a backup is restored on another machine, and the erased stay erased by the tombstones of later backups', async () => {
  await backup()
  const elsewhere = path.join(home.dir, 'elsewhere')
  await expect(restore(elsewhere, { from: first })).rejects.toThrow(
    /^the backup is opened by the master key with the id \w{16}, and here there is none\. Put that key into .*elsewhere\/master-key \(mode 0600\)/,
  )
  await withMasterKey('elsewhere')
  const { status, lines } = await restore(elsewhere, { from: first })
  expect([status, lines.at(-1)]).toEqual([
    0,
    expect.stringMatching(/^done both databases are as they were on 20/),
  ])

  // As after a kill during the switch: `switch.test.ts` covers all its steps.
  await rename(path.join(elsewhere, 'users'), path.join(elsewhere, 'users_restored_20261124150405'))
  await rename(path.join(elsewhere, 'events'), path.join(elsewhere, 'events_restoring_20261124150405'))
  await expect(start(elsewhere)).rejects.toThrow(
    /^a restore was interrupted .*run the restore again to finish it/,
  )
  const finished = await restore(elsewhere, { from: first })
  expect([finished.status, finished.lines[0]]).toEqual([
    0,
    'restore finishing a restore that was interrupted while switching databases',
  ])
  await expectRestored(elsewhere)
})

test('a backup is restored over another installation under its master key, and its erasures are ignored', async () => {
  const alone = path.join(home.dir, 'exported')
  await cp(first, path.join(alone, path.basename(first)), { recursive: true })
  const file = path.join(home.dir, 'exported.ndjson')
  const run = () => exportOf(dataDir, file)
  await run()
  await expect(run()).rejects.toThrow(`${file} exists already. Name another file`)

  const elsewhere = path.join(home.dir, 'by-export')
  {
    await using stack = await start(elsewhere)
    const shop = await openShop(stack)
    const admin = await shop.tokenFor(stack.adminApiKey ?? '')
    // Its id is used by a store in the backup.
    expect((await shop.send('DELETE', `/api/store/${String(shop.id)}`, admin)).status).toBe(200)
    expect(shop.id).toBe(1)
  }
  const key = await readFile(path.join(dataDir, 'master-key'))
  await writeFile(path.join(elsewhere, 'master-key-0123456789abcdef'), key)

  const other = path.join(home.dir, 'other.ndjson')
  await exportOf(elsewhere, other)
  const options = { from: alone, force: true }
  await expect(restore(elsewhere, { ...options, tombstones: [other] })).rejects.toThrow(
    'is of another installation than the backup',
  )
  const { status, lines } = await restore(elsewhere, { ...options, tombstones: [file] })
  expect([status, lines]).toEqual([
    0,
    expect.arrayContaining([
      'erased the existing data is of another installation: its erasures are ignored',
      expect.stringMatching(/^secrets wrapped with the master key \w{16} in place of \w{16}$/),
    ]),
  ])
  expect((await readdir(elsewhere)).filter((name) => name.includes('_replaced_'))).toHaveLength(2)
  await rm(path.join(elsewhere, 'master-key-0123456789abcdef'))
  await expectRestored(elsewhere)
  expect((await readdir(elsewhere)).filter((name) => name.includes('_'))).toEqual([])
})

test('a backup of version 1 is restored in the same way, also without the master key, and then nothing starts before the key is available', async () => {
  const together = path.join(home.dir, 'together')
  const [later = ''] = (await finished(backups())).slice(-1)
  await cp(path.join(backups(), later), path.join(together, later), { recursive: true })
  await rename(path.join(home.dir, 'physical'), path.join(together, 'physical'))
  const elsewhere = await withMasterKey('from-files')
  const { status, lines } = await restore(elsewhere, { from: path.join(together, 'physical') })
  expect([status, lines]).toEqual([0, expect.arrayContaining(['keys 2 data keys restored'])])
  await expectRestored(elsewhere)

  const again = path.join(home.dir, 'from-old-keys')
  const old = await restore(again, {
    from: path.join(together, 'physical'),
    keysFrom: path.join(home.dir, 'physical-keys'),
    withoutMasterKey: true,
  })
  expect([old.status, old.lines]).toEqual([0, expect.arrayContaining(['keys 4 data keys restored'])])
  // No new key is generated: it would open nothing.
  await expect(start(again)).rejects.toThrow(
    /^there is no master key, and the users database needs the one with the id \w{16}: put it into /,
  )
  expect((await readdir(again)).filter((name) => name.startsWith('master-key'))).toEqual([])
})

test('a backup that is damaged, unfinished, of another version or without its keys is refused before anything is changed', async () => {
  const target = await withMasterKey('refused')
  const bad = path.join(home.dir, 'bad', '2026-01-01T00-00-00-000Z')
  await cp(first, bad, { recursive: true })
  const { sha256: _, ...manifest } = JSON.parse(await readFile(path.join(bad, 'manifest.json'), 'utf8'))
  const rewrite = async (changes: object) => {
    await rm(path.join(bad, 'manifest.json'), { force: true })
    await writeManifest(bad, { ...manifest, ...changes })
  }
  const refusal = (options: Partial<RestoreOptions> = {}) =>
    restore(target, { from: bad, ...options }).catch((error: unknown) => (error as Error).message)

  const { users } = manifest.databases
  const newer = { ...users, migrations: ['20991231000000_later'] }
  await rewrite({ databases: { ...manifest.databases, users: newer } })
  expect(await refusal()).toMatch(
    /was made by a newer version .*its users database has the migration 20991231000000_later/,
  )
  await rewrite({ installation: '1' })
  expect(await refusal()).toMatch('there are no data keys of this installation')
  await rewrite({ createdAt: '2999-01-01T00:00:00.000Z' })
  expect(await refusal()).toMatch('is older than the backup')
  await rewrite({ version: 3 })
  expect(await refusal()).toMatch('was written by a newer version')
  await rewrite({})
  expect(await refusal({ keysFrom: home.dir })).toMatch('there are no data keys')

  // Each file and the manifest, truncated or with one byte changed.
  const text = await readFile(path.join(bad, 'manifest.json'), 'utf8')
  for (const damaged of [text.slice(0, -20), text.replace(/"rows": (\d)/, '"rows": 9$1'), '', 'null']) {
    await writeFile(path.join(bad, 'manifest.json'), damaged)
    expect([damaged.slice(-20), await refusal()]).toEqual([
      damaged.slice(-20),
      expect.stringMatching(/manifest\.json is damaged|is no user-statistics backup/),
    ])
  }
  await rewrite({})
  const file = path.join(bad, 'users', 'users.copy.zst')
  const content = await readFile(file)
  await writeFile(file, content.subarray(0, -1))
  expect(await refusal()).toMatch(/is damaged: users\/users\.copy\.zst has \d+ bytes of \d+$/)
  await writeFile(
    file,
    content.map((byte, at) => (at === content.length - 5 ? byte ^ 1 : byte)),
  )
  expect(await refusal()).toMatch('is damaged: users/users.copy.zst was changed after it was written')
  await rm(file)
  expect(await refusal()).toMatch('is damaged: users/users.copy.zst is missing')
  await writeFile(file, content)
  await writeFile(path.join(bad, 'users', 'more'), '')
  expect(await refusal()).toMatch('is damaged: users/more is not part of the backup')
  await rm(path.join(bad, 'manifest.json'))
  expect(await refusal()).toMatch('there is no finished backup')
  expect((await readdir(target)).filter((name) => /^(?:users|events)/.test(name))).toEqual([])
})

test('under a new master key an old backup is refused by name, or restored with the old key kept by the rotation; existing data is replaced only on request, and its erasures are applied', async () => {
  // Without the later backup: only the existing data knows the erasures.
  const alone = path.join(home.dir, 'alone')
  await cp(first, path.join(alone, path.basename(first)), { recursive: true })
  await expect(restore(dataDir, { from: alone })).rejects.toThrow(
    `${path.join(dataDir, 'users')} exists already`,
  )
  const rotation = recordingTerminal()
  await runRotateMasterKey({ env: { DATA_DIR: dataDir }, terminal: rotation.terminal })
  const [kept = ''] = (await readdir(dataDir)).filter((name) => /^master-key-[\da-f]{16}$/.test(name))
  for (const line of [rotation.lines[0], rotation.lines.at(-2)])
    expect(line).toMatch(
      new RegExp(`^rotate .*The previous one stays in ${dataDir}/${kept} for backups made under it$`),
    )

  const before = await readdir(dataDir)
  await rename(path.join(dataDir, kept), path.join(home.dir, kept))
  await expect(restore(dataDir, { from: alone, force: true })).rejects.toThrow(
    new RegExp(
      `^the backup is opened by the master key with the id ${kept.slice(11)}, and here ${dataDir}/master-key has the id \\w{16}\\. ` +
        `Put that key into ${dataDir}/${kept} .*--without-master-key`,
    ),
  )
  await rename(path.join(home.dir, kept), path.join(dataDir, kept))
  expect(await readdir(dataDir)).toEqual(before)

  const { status, lines } = await restore(dataDir, { from: alone, force: true })
  expect([status, lines]).toEqual([
    0,
    expect.arrayContaining([
      expect.stringMatching(/^erased [1-9]\d* erasures carried out again, [1-9]\d* events deleted$/),
      expect.stringMatching(/^verify users: personal data of \d+ opened with the master key$/),
      expect.stringMatching(
        /^replaced kept until a start has succeeded: .*users_replaced_\d{14}.*restore --undo$/,
      ),
    ]),
  ])
  await expectRestored(dataDir)
})
