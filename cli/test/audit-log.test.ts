import path from 'node:path'
import { expect, test } from '@jest/globals'
import { Client } from 'pg'
import { auditActions } from '@user-stats/audit-log'
import { runPruneAuditLogs } from '../src/audit-log/prune.ts'
import { startStack, type Stack } from '../src/index.ts'
import { runRotateMasterKey, runRotateSigningKey } from '../src/rotate/command.ts'
import { silent } from '../src/terminal.ts'
import { runExportErasures, runReplayErasures } from '../src/tombstones/command.ts'
import { freePorts, temporaryDir } from './helpers.ts'
import { openShop, reopenShop } from './shop.ts'

interface Entry {
  readonly requestId: string
  readonly actor: { readonly role: string; readonly keyId: string | null }
  readonly action: string
  readonly storeId: number | null
  readonly recordIds: readonly string[]
  readonly recordCount: number
}

async function graphql({ urls }: Stack, token: string, query: string): Promise<any> {
  const response = await fetch(new URL('/graphql', urls.gateway), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  })
  const { data, errors } = (await response.json()) as { data: any; errors?: unknown }
  expect([query, errors]).toEqual([query, undefined])
  return data
}

/** Both logs, as an admin reads them in the graph, oldest first. */
async function readLogs(stack: Stack, admin: string): Promise<Entry[]> {
  const nodes = 'nodes { requestId actor { role keyId } action storeId recordIds recordCount fields at }'
  const { auditLog, eventsAuditLog } = await graphql(
    stack,
    admin,
    `{ auditLog(first: 400) { ${nodes} } eventsAuditLog(first: 400) { ${nodes} } }`,
  )
  return [...auditLog.nodes.toReversed(), ...eventsAuditLog.nodes.toReversed()]
}

/** Performs every audited action once. */
async function doEverything(stack: Stack, admin: string): Promise<void> {
  const shop = await openShop(stack)
  const [ann, bob, cid] = [await shop.register('ann'), await shop.register('bob'), await shop.register('cid')]
  for (const who of [ann, bob, 'visitor', 'other']) await shop.visit(who)
  const id = String(shop.id)
  const asStore = [
    `mutation { updateUser(input: { id: "${ann}", lastName: "Ann" }) { user { id } } }`,
    `{ exportUser(id: "${ann}") { path } }`,
    `mutation { deleteUser(input: { id: "${cid}" }) { deletedUserId } }`,
    `mutation { eraseUser(input: { id: "${bob}" }) { erasedUserId } }`,
    'mutation { eraseVisitor(input: { userId: "visitor" }) { eventsDeleted } }',
    'mutation { deleteUserEvents(input: { userId: "other" }) { deletedCount } }',
  ]
  for (const query of asStore) await graphql(stack, shop.token, query)
  const exported = await shop.send('GET', `/api/user/${ann}/export`, admin)
  expect(exported.body).toMatchObject({ user: { id: ann }, complete: true })

  const asAdmin = [
    `{ user(id: "${ann}") { email } }`,
    `mutation { deleteStoreUsers(input: { storeId: ${id} }) { deletedCount } }`,
    `mutation { deleteStoreEvents(input: { storeId: ${id} }) { deletedCount } }`,
    `mutation { updateStore(input: { id: ${id}, name: "Boots" }) { store { id } } }`,
    `mutation { blockStore(input: { id: ${id} }) { store { id } } }`,
    `mutation { unblockStore(input: { id: ${id} }) { store { id } } }`,
    `{ verifyRollups(from: "2026-01-01", to: "2026-01-02") { consistent } }`,
  ]
  for (const query of asAdmin) await graphql(stack, admin, query)
  const { createApiKey } = await graphql(
    stack,
    admin,
    `mutation { createApiKey(input: { role: ANALYST, storeId: ${id}, name: "k" }) { apiKey { id } } }`,
  )
  const key = `input: { id: "${createApiKey.apiKey.id as string}" }`
  await graphql(
    stack,
    admin,
    `mutation { rotateApiKey(${key.replace(' }', ', overlapSeconds: 3600 }')}) { apiKey { id } } }`,
  )
  // A parked command: the relay skips it.
  await parkLastCommand(stack)
  const { undeliveredCommands } = await graphql(stack, admin, '{ undeliveredCommands { nodes { id } } }')
  await graphql(
    stack,
    admin,
    `mutation { retryCommand(input: { id: "${undeliveredCommands.nodes[0].id as string}" }) { command { id } } }`,
  )
  await graphql(stack, admin, `mutation { revokeApiKey(${key}) { apiKey { id } } }`)
  await graphql(stack, admin, `mutation { deleteStore(input: { id: ${id} }) { deletedStoreId } }`)
}

async function parkLastCommand({ databases }: Stack): Promise<void> {
  const client = new Client({ connectionString: databases.users.ownerUrl })
  await client.connect()
  await client.query(`
    UPDATE outbox SET delivered_at = NULL, set_aside_until = now() + interval '1 hour'
    WHERE (store_id, id) = (SELECT store_id, id FROM outbox ORDER BY id DESC LIMIT 1)`)
  await client.end()
}

test('every action is recorded in the audit log, by callers and at the command line, and admins see it in the graph', async () => {
  await using home = await temporaryDir()
  const env = { DATA_DIR: home.dir }
  const tombstones = path.join(home.dir, 'tombstones.ndjson')
  let adminKey: string
  {
    await using stack = await startStack({ ...freePorts, ...env }, { durable: false })
    adminKey = stack.adminApiKey ?? ''
    const admin = await (await reopenShop(stack, adminKey)).tokenFor(adminKey)
    await doEverything(stack, admin)
    await runRotateSigningKey({ env, terminal: silent })
    await runExportErasures({ to: tombstones, env, terminal: silent })
  }
  await runRotateMasterKey({ env, terminal: silent })
  await runReplayErasures({ from: tombstones, env, terminal: silent })

  await using stack = await startStack({ ...freePorts, ...env }, { durable: false })
  const { token: admin } = await reopenShop(stack, adminKey)
  const entries = await readLogs(stack, admin)
  const of = (action: string) => entries.filter((entry) => entry.action === action)
  const byOperator = { actor: { role: 'OPERATOR', keyId: null }, storeId: null }
  expect(of('MASTER_KEY_ROTATED')).toEqual([
    expect.objectContaining({
      ...byOperator,
      requestId: 'rotate:master-key',
      recordIds: [expect.stringMatching(/^[\da-f]{16}$/), expect.stringMatching(/^[\da-f]{16}$/)],
      // All users are erased: left are the key of the blind indexes, two signing keys, one receipt key.
      recordCount: 4,
    }),
  ])
  expect(of('SIGNING_KEY_ROTATED')).toMatchObject([
    { ...byOperator, requestId: 'rotate:signing-key', recordCount: 2 },
    { ...byOperator, requestId: 'replay-erasures', recordCount: 2 },
  ])
  expect(of('DATABASE_RESTORED')).toMatchObject([
    { ...byOperator, requestId: 'replay-erasures', recordIds: [expect.stringMatching(/^20.*Z$/)] },
    { ...byOperator, requestId: 'replay-erasures', recordIds: [expect.stringMatching(/^20.*Z$/)] },
  ])
  // One over the mutation, as the store; one over REST on the gateway, as the admin.
  expect(of('USER_EXPORTED').map(({ actor }) => actor.role)).toEqual(['STORE', 'ADMIN'])
  expect(JSON.stringify(entries)).not.toMatch(/example\.org|visitor/)

  // All entries are older than that.
  await runPruneAuditLogs({
    days: 1,
    env,
    terminal: silent,
    clock: () => new Date(Date.now() + 2 * 86_400_000),
  })
  const pruned = await readLogs(stack, admin)
  expect(pruned).toMatchObject([
    { ...byOperator, action: 'AUDIT_LOG_PRUNED', requestId: 'prune-audit-log' },
    { ...byOperator, action: 'AUDIT_LOG_PRUNED', requestId: 'prune-audit-log' },
  ])
  const seen = new Set([...entries, ...pruned].map(({ action }) => action))
  expect(auditActions.filter((action) => !seen.has(action))).toEqual([])
}, 300_000)
