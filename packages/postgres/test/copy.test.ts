import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import {
  connect,
  connectToCopy,
  copyIn,
  createPartitions,
  listTables,
  openSnapshot,
  readSequences,
  writeSequences,
} from '../src/index.ts'
import { startTestPostgres } from '../src/testing/test-postgres.ts'
import { query } from './helpers.ts'

const schema = `
  CREATE TABLE things (id bigserial PRIMARY KEY, text text, json jsonb, bytes bytea, at timestamptz(3), number float8,
    doubled bigint GENERATED ALWAYS AS (id * 2) STORED);
  CREATE TABLE moments (at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);
  CREATE TABLE moments_default PARTITION OF moments DEFAULT`

const values = `
  INSERT INTO things (text, json, bytes, at, number) VALUES
    (E'tab\\t, line\\n, return\\r, back\\\\slash, \\\\.', '{"a": "\\u00e9\\n", "n": 1e20}', '\\x00ff5c', '2024-02-29T23:59:59.999Z', 0.1),
    (NULL, NULL, NULL, NULL, 'NaN'), ('', '[]', '', '-infinity', '-Infinity');
  CREATE TABLE moments_y2026m10 PARTITION OF moments FOR VALUES FROM ('2026-10-01 00:00:00+00') TO ('2026-11-01 00:00:00+00');
  INSERT INTO moments VALUES ('2026-10-31T23:59:59.999999Z', 'last'), ('2027-01-01T00:00:00Z', 'nowhere else')`

test('rows, partitions and sequences come back as they were in another database', async () => {
  await using server = await startTestPostgres()
  const [from, to] = [await server.createDatabase(), await server.createDatabase()]
  await query(from.ownerUrl, schema)
  // The session's own settings must not matter.
  await query(server.superuserUrl, `ALTER DATABASE ${from.database} SET TimeZone = 'Asia/Kathmandu'`)
  await query(from.ownerUrl, values)
  await query(to.ownerUrl, schema)

  await using snapshot = await openSnapshot(from.ownerUrl)
  await using target = await connectToCopy(to.ownerUrl)
  const tables = await listTables(snapshot.client)
  expect(tables.map(({ name, columns, partition }) => [name, columns.join(), partition?.of])).toEqual([
    ['moments_default', 'at,note', 'moments'],
    ['moments_y2026m10', 'at,note', 'moments'],
    ['things', 'id,text,json,bytes,at,number', undefined],
  ])
  await createPartitions(target, tables)
  for (const table of tables) {
    let rows = ''
    const count = await snapshot.copyOut(table, async (stream) => {
      rows = await text(stream)
    })
    expect(rows.split('\n')).toHaveLength(count + 1)
    expect(await copyIn(target, table, Readable.from([rows]))).toBe(count)
  }
  await writeSequences(target, await readSequences(snapshot.client))

  const all = `SELECT (SELECT jsonb_agg(t) FROM (SELECT tableoid::regclass, * FROM things ORDER BY id) t) AS things,
    (SELECT jsonb_agg(t) FROM (SELECT tableoid::regclass, * FROM moments ORDER BY at) t) AS moments`
  await query(server.superuserUrl, `ALTER DATABASE ${from.database} RESET TimeZone`)
  expect(await query(to.ownerUrl, all)).toEqual(await query(from.ownerUrl, all))
  expect(
    await query(to.ownerUrl, 'INSERT INTO things DEFAULT VALUES RETURNING id::int, doubled::int'),
  ).toEqual([{ id: 4, doubled: 8 }])
})

test('a snapshot is consistent, and altering tables or creating partitions meanwhile does not wait', async () => {
  await using server = await startTestPostgres()
  const { ownerUrl } = await server.createDatabase()
  await query(ownerUrl, schema)
  await query(ownerUrl, values)
  await using snapshot = await openSnapshot(ownerUrl)
  const tables = await listTables(snapshot.client)
  await using other = await connect(ownerUrl)
  await other.query("SET lock_timeout = '1s'")
  const read = async (name: string) => {
    const table = tables.find((candidate) => candidate.name === name)
    if (!table) throw new Error(name)
    return await snapshot.copyOut(table, async (rows) => {
      await text(rows)
    })
  }
  expect(await read('moments_default')).toBe(1)
  await other.query(`INSERT INTO things (text) VALUES ('later'); DELETE FROM moments`)
  await other.query(
    `CREATE TABLE moments_y2026m11 PARTITION OF moments FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')`,
  )
  expect([await read('things'), await read('moments_y2026m10')]).toEqual([3, 1])
  await other.query('DROP TABLE moments_y2026m10')
  await expect(read('moments_y2026m10')).rejects.toMatchObject({ code: '42P01' })
})

test('a copy whose reader or server fails ends with that error, and leaves no session', async () => {
  await using server = await startTestPostgres()
  const { ownerUrl, database } = await server.createDatabase()
  await query(
    ownerUrl,
    `CREATE TABLE much AS SELECT n, repeat('x', 1000) AS text FROM generate_series(1, 100000) n`,
  )
  const [table] = [{ name: 'much', columns: ['n', 'text'] }]
  await using snapshot = await openSnapshot(ownerUrl)
  await expect(
    snapshot.copyOut(table, async (rows) => {
      for await (const chunk of rows) throw new Error(`full after ${String((chunk as Buffer).length > 0)}`)
    }),
  ).rejects.toThrow('full after true')
  await using admin = await connect(server.superuserUrl)
  const sessions = `FROM pg_stat_activity WHERE datname = '${database}' AND query LIKE 'COPY%'`
  await expect(
    snapshot.copyOut(table, async (rows) => {
      for await (const _ of rows) await admin.query(`SELECT pg_terminate_backend(pid) ${sessions}`)
    }),
  ).rejects.toThrow(/terminat/)
  let left = 1
  while (left > 0) left = (await admin.query(`SELECT ${sessions}`)).rowCount ?? 0
})
