import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connect, migrate, migrationStatus, openSnapshot } from '@user-stats/postgres'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { migrateUpTo } from '@user-stats/postgres/testing/migrations'
import { dumpDatabase } from '../src/backup/dump.ts'
import type { BackupManifest } from '../src/backup/manifest.ts'
import { schemas, type DatabaseName } from '../src/databases/schemas.ts'
import { loadDatabase } from '../src/restore/load.ts'
import { filesOf } from '../src/restore/source.ts'

let server: TestPostgres
let dir: string
beforeAll(async () => {
  server = await startTestPostgres()
  dir = await mkdtemp(path.join(tmpdir(), 'user-stats-load-'))
})
afterAll(async () => {
  await server.stop()
  await rm(dir, { recursive: true })
})

async function dump(name: DatabaseName, ownerUrl: string) {
  await using snapshot = await openSnapshot(ownerUrl)
  const { database } = await dumpDatabase({ name, snapshot, dir, onBytes: () => undefined })
  // A backup may contain both.
  const manifest = { databases: { users: database, events: database } } as unknown as BackupManifest
  return { database, source: filesOf(dir, manifest, () => undefined) }
}

const first = { users: '20261123000000_initial', events: '20261123000000_initial' } as const

const rows = {
  users: `INSERT INTO stores (name) VALUES (E'tab\\t "quoted" \\\\.'), ('second');
    INSERT INTO outbox (store_id, kind, payload) VALUES (1, 'ERASE_USER', '{"userId": "gone"}')`,
  events: `SELECT ensure_month('2026-10-01');
    INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
      SELECT 1, at, 'u', 'view', '{"n": 1e3, "text": "line\\n"}', at FROM unnest('{2026-10-31T23:59:59.999Z,2026-09-01}'::timestamptz[]) at`,
} as const

const contents = {
  users: `SELECT (SELECT jsonb_agg(to_jsonb(s) - 'created_at' ORDER BY store_id) FROM stores s) AS stores,
    (SELECT jsonb_agg(subject_id) FROM erasures) AS erasures, nextval('stores_store_id_seq')::int AS next`,
  events: `SELECT jsonb_agg(jsonb_build_array(tableoid::regclass, store_id, occurred_at, id, user_id, type, data) ORDER BY id) AS events,
    nextval('events_id_seq')::int AS next FROM events`,
} as const

test.each(['users', 'events'] as const)(
  'the %s database of an older version is restored and then migrated like the original',
  async (name) => {
    const [original, restored] = [await server.createDatabase(), await server.createDatabase()]
    await migrateUpTo({ url: original.ownerUrl, ...schemas[name] }, first[name])
    await using old = await connect(original.ownerUrl)
    await old.query(rows[name])
    const { source } = await dump(name, original.ownerUrl)
    await loadDatabase({ name, ownerUrl: restored.ownerUrl }, source)
    expect((await migrationStatus({ url: restored.ownerUrl, ...schemas[name] })).applied).toEqual([
      first[name],
    ])

    for (const { ownerUrl } of [original, restored]) await migrate({ url: ownerUrl, ...schemas[name] })
    await using copy = await connect(restored.ownerUrl)
    expect((await copy.query(contents[name])).rows).toEqual((await old.query(contents[name])).rows)
  },
)

test('missing rows are detected, even if the file can be read', async () => {
  const [original, restored] = [await server.createDatabase(schemas.users), await server.createDatabase()]
  await using client = await connect(original.ownerUrl)
  await client.query(`INSERT INTO stores (name) SELECT 'store ' || n FROM generate_series(1, 3) n`)
  const { database, source } = await dump('users', original.ownerUrl)
  const counted = {
    ...source,
    read: async (...args: Parameters<typeof source.read>) =>
      (await source.read(...args)) + (args[1].name === 'stores' ? 1 : 0),
  }
  await expect(loadDatabase({ name: 'users', ownerUrl: restored.ownerUrl }, counted)).rejects.toThrow(
    'users: 3 rows of stores were restored, the backup has 4',
  )
  const stores = database.tables.find((table) => table.name === 'stores')
  await truncate(path.join(dir, stores?.file ?? ''), 20)
  const again = await server.createDatabase()
  await expect(loadDatabase({ name: 'users', ownerUrl: again.ownerUrl }, source)).rejects.toThrow(
    'unexpected end of file',
  )
})
