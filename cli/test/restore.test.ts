import { appendFile, cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { Client } from 'pg'
import { runBackup } from '../src/backup/command.ts'
import { databasesIn } from '../src/databases/clusters.ts'
import { beginSwap } from '../src/databases/swap.ts'
import { startStack, type Stack } from '../src/index.ts'
import { runRestore, type RestoreOptions } from '../src/restore/command.ts'
import { runExportErasures } from '../src/tombstones/command.ts'
import { runVerify } from '../src/verify/verify.ts'
import { freePorts, recordingTerminal, temporaryDir } from './helpers.ts'
import { openShop, reopenShop } from './shop.ts'

// Several whole systems are built, copied, digested and recounted.
jest.setTimeout(600_000)

let home: Awaited<ReturnType<typeof temporaryDir>>
let dataDir: string
let first: string
let shopKey: string
const ids: Record<string, string> = {}
let goneStore: number
/** What was good when the first backup was made, and is not now: keys of stores, and of an admin. */
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
 * Stores, people and keys, backed up; then some are erased, deleted, blocked, revoked and replaced, and more come.
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
    goneStore = other.id
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
    expect((await shop.send('DELETE', `/api/store/${String(goneStore)}`, admin)).status).toBe(200)
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

/** What a store finds after a restore of the first backup: all of that day, but for whoever was erased since. */
async function expectRestored(dir: string): Promise<void> {
  const { terminal, lines } = recordingTerminal()
  expect(await runVerify({ env: { DATA_DIR: dir }, terminal })).toBe(0)
  expect(lines).toContain('done all is as it should be')
  await using stack = await start(dir)
  const shop = await reopenShop(stack, shopKey)
  expect(await shop.find('ann')).toBe(ids['ann'])
  for (const erased of ['bob', 'cid', 'dan']) expect([erased, await shop.find(erased)]).toEqual([erased, 404])
  // Two of ann, two of cid whose events were to stay, one visitor.
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
  // Commands go on being numbered after all that was carried out: a new erasure is one.
  const again = await shop.register('fay')
  await shop.visit(again, 3)
  expect((await shop.send('DELETE', `/api/user/${again}`, shop.token)).body.events).toBe(
    '3 events were deleted',
  )
}

/** Blocked, revoked and replaced since: refused as if there had been no restore, and so is every token of before. */
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
  // The events database refuses them by itself, too.
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

test('on another machine a backup comes back, and who was erased stays erased by the tombstones of later backups', async () => {
  await backup()
  const elsewhere = path.join(home.dir, 'elsewhere')
  const { status, lines } = await restore(elsewhere, { from: first })
  expect([status, lines.at(-1)]).toEqual([0, expect.stringMatching(/^done .* is as it was on 20/)])
  expect(lines).toContainEqual(
    expect.stringMatching(/^secrets needed: the master key with the id \w+; put it into /),
  )
  await cp(path.join(dataDir, 'master-key'), path.join(elsewhere, 'master-key'))
  await expectRestored(elsewhere)
})

test('without later backups, a file of export-erasures knows who was erased, if it is of the same installation', async () => {
  const alone = path.join(home.dir, 'exported')
  await cp(first, path.join(alone, path.basename(first)), { recursive: true })
  const file = path.join(home.dir, 'exported.ndjson')
  const run = () => runExportErasures({ to: file, env: { DATA_DIR: dataDir }, ...recordingTerminal() })
  await run()
  await expect(run()).rejects.toThrow(`${file} is there already. Name another file`)
  const elsewhere = path.join(home.dir, 'by-export')
  const other = path.join(home.dir, 'other.ndjson')
  const text = await readFile(file, 'utf8')
  await writeFile(other, text.replace(/"installation":"\d+"/, '"installation":"1"'))
  await expect(restore(elsewhere, { from: alone, tombstones: [other] })).rejects.toThrow(
    'is of another installation than the backup',
  )
  expect((await restore(elsewhere, { from: alone, tombstones: [file] })).status).toBe(0)
  await cp(path.join(dataDir, 'master-key'), path.join(elsewhere, 'master-key'))
  await expectRestored(elsewhere)
})

test('an interrupted exchange of the databases is finished by the next restore, and nothing starts before', async () => {
  const dir = path.join(home.dir, 'half')
  await restore(dir, { from: first })
  await cp(path.join(dataDir, 'master-key'), path.join(dir, 'master-key'))
  // As a kill between the two leaves it: one is in place, the other still beside.
  await mkdir(path.join(dir, 'restoring-x'), { mode: 0o711 })
  await rename(path.join(dir, 'events'), path.join(dir, 'restoring-x', 'events'))
  await beginSwap(dir, { restored: 'restoring-x', replaced: 'replaced-x' })
  await expect(start(dir)).rejects.toThrow(/was interrupted .* run npm run restore again/)
  const { status, lines } = await restore(dir, { from: first })
  expect([status, lines[0]]).toEqual([0, 'restore going on with a restore that was interrupted'])
  await expectRestored(dir)
})

test('what is damaged, unfinished, of another version or without its keys is refused before anything is touched', async () => {
  const target = path.join(home.dir, 'refused')
  const bad = path.join(home.dir, 'bad', '2026-01-01T00-00-00-000Z')
  await cp(first, bad, { recursive: true })
  const manifest = JSON.parse(await readFile(path.join(bad, 'manifest.json'), 'utf8'))
  const rewrite = (changes: object) =>
    writeFile(path.join(bad, 'manifest.json'), JSON.stringify({ ...manifest, ...changes }))

  await rewrite({ postgres: '17' })
  await expect(restore(target, { from: bad })).rejects.toThrow(
    'the backup is of PostgreSQL 17, here is version',
  )
  await rewrite({ migrations: { ...manifest.migrations, users: ['20991231000000_later'] } })
  await expect(restore(target, { from: bad })).rejects.toThrow('made by a newer version')
  await rewrite({ installation: '1' })
  await expect(restore(target, { from: bad })).rejects.toThrow('there are no data keys of this installation')
  await rewrite({ createdAt: '2999-01-01T00:00:00.000Z' })
  await expect(restore(target, { from: bad })).rejects.toThrow('is older than the backup')
  await rewrite({})
  await expect(restore(target, { from: bad, keysFrom: home.dir })).rejects.toThrow('there are no data keys')
  await appendFile(path.join(bad, 'users', 'pgdata', 'PG_VERSION'), ' ')
  await expect(restore(target, { from: bad })).rejects.toThrow(
    /is damaged: users\/pgdata\/PG_VERSION is not what was backed up/,
  )
  await rm(path.join(bad, 'users', 'pgdata', 'PG_VERSION'))
  await expect(restore(target, { from: bad })).rejects.toThrow('PG_VERSION is missing')
  await rm(path.join(bad, 'manifest.json'))
  await expect(restore(target, { from: bad })).rejects.toThrow('there is no finished backup')
  expect(databasesIn(target)).toEqual([])
})

test('data that is there is replaced only if asked to, and knows best who was erased', async () => {
  // Without the later backup of the test before: only the data itself knows.
  const alone = path.join(home.dir, 'alone')
  await cp(first, path.join(alone, path.basename(first)), { recursive: true })
  await expect(restore(dataDir, { from: alone })).rejects.toThrow(`${dataDir} has data already`)
  const { status, lines } = await restore(dataDir, { from: alone, force: true })
  expect(status).toBe(0)
  expect(lines).toContainEqual(
    expect.stringMatching(/^erased [1-9]\d* erasures carried out again, [1-9]\d* events deleted$/),
  )
  await expectRestored(dataDir)
  expect((await readdir(dataDir)).filter((name) => /^(?:replaced|restor)/.test(name))).toEqual([])
})
