import { appendFile, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  connect,
  DatabaseUnreachableError,
  MigrationError,
  markRolledBack,
  migrate,
  migrationStatus,
  schemaDrift,
} from '../src/index.ts'
import type { TestPostgres } from '../src/testing/test-postgres.ts'
import { startTestPostgres } from '../src/testing/test-postgres.ts'
import { fixtures, query, sample, temporaryDir } from './helpers.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

async function until(is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await is())) if (Date.now() > end) throw new Error('it never was')
}

const both = ['20260101000000_initial', '20260102000000_partitions']
const nothing = { applied: [], pending: [], failed: [], unknown: [], edited: [] }

/** The sample schema and its migrations, to be changed. */
async function copyOfSample() {
  const temporary = await temporaryDir()
  await cp(fixtures, temporary.dir, { recursive: true })
  return {
    schemaPath: path.join(temporary.dir, 'schema.prisma'),
    migrationsDir: path.join(temporary.dir, 'migrations'),
    add: async (name: string, sql: string) => {
      await mkdir(path.join(temporary.dir, 'migrations', name))
      await writeFile(path.join(temporary.dir, 'migrations', name, 'migration.sql'), sql)
    },
    script: (name: string) => path.join(temporary.dir, 'migrations', name, 'migration.sql'),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

test('three runs at once apply each migration once, and a fourth nothing', async () => {
  const source = { url: (await server.createDatabase()).ownerUrl, ...sample }
  expect(await migrationStatus(source)).toEqual({ ...nothing, pending: both })

  const runs = await Promise.all([migrate(source), migrate(source), migrate(source)])
  expect(runs.flatMap(({ applied }) => applied)).toEqual(both)
  expect(await migrate(source)).toEqual({ applied: [] })
  // None is "edited": the recorded checksums match the files.
  expect(await migrationStatus(source)).toEqual({ ...nothing, applied: both })
})

test("the record is in the form of Prisma's own command", async () => {
  const source = { url: (await server.createDatabase()).ownerUrl, ...sample }
  await migrate(source)
  const rows = await query(
    source.url,
    `SELECT migration_name, length(id) AS id, length(checksum) AS checksum, applied_steps_count AS steps,
            finished_at >= started_at AS finished, rolled_back_at, logs FROM _prisma_migrations ORDER BY started_at`,
  )
  const expected = { id: 36, checksum: 64, steps: 1, finished: true, rolled_back_at: null, logs: null }
  expect(rows).toEqual(both.map((migration_name) => ({ migration_name, ...expected })))
})

test('no connection outlives a run', async () => {
  const { database, ownerUrl } = await server.createDatabase()
  await migrate({ url: ownerUrl, ...sample })
  // Refused while a session exists; the server gives closing ones a moment.
  await query(server.superuserUrl, `DROP DATABASE ${database}`)
})

test('the migrations build what the schema describes, and the shadow database is gone afterwards', async () => {
  const source = { url: server.superuserUrl, ...sample }
  expect(await schemaDrift(source)).toBe('')
  expect(await query(source.url, `SELECT FROM pg_database WHERE datname LIKE '%shadow%'`)).toEqual([])
})

test('a schema that migrations do not build is answered with the SQL between them', async () => {
  await using source = await copyOfSample()
  await appendFile(source.schemaPath, '\nmodel Extra {\n  id Int @id\n\n  @@map("extra")\n}\n')
  const sql = await schemaDrift({ url: server.superuserUrl, ...source })
  expect(sql).toContain('CREATE TABLE "extra"')
  expect(sql).not.toContain('visits')
})

test('a failing migration is named with its reason, leaves nothing behind, and can be tried again', async () => {
  await using sources = await copyOfSample()
  const bad = '20260103000000_bad'
  await sources.add(bad, `CREATE TABLE half (id int);\nINSERT INTO shops (name) VALUES (NULL);`)
  const source = { ...sources, url: (await server.createDatabase()).ownerUrl }

  const failure = await migrate(source).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(MigrationError)
  expect(failure).toMatchObject({
    migration: bad,
    message: `Migration ${bad}: null value in column "name" of relation "shops" violates not-null constraint`,
  })
  expect(await query(source.url, `SELECT to_regclass('half') AS half`)).toEqual([{ half: null }])
  expect(await migrationStatus(source)).toEqual({ ...nothing, applied: both, failed: [bad] })
  await expect(migrate(source)).rejects.toThrow(`Migration ${bad}: it failed in an earlier run`)
  await expect(schemaDrift({ ...source, url: server.superuserUrl })).rejects.toMatchObject({ migration: bad })

  await writeFile(sources.script(bad), `CREATE TABLE half (id int)`)
  await expect(markRolledBack(source, both[0] ?? '')).rejects.toThrow(MigrationError)
  await markRolledBack(source, bad)
  expect(await migrate(source)).toEqual({ applied: [bad] })
})

test('a migration lets readers and writers of its tables go first, and is applied when they are done', async () => {
  await using sources = await copyOfSample()
  const source = { ...sources, url: (await server.createDatabase(sources)).ownerUrl }
  await sources.add('20260103000000_column', 'ALTER TABLE shops ADD COLUMN city text')
  await using reader = await connect(source.url)
  await reader.query('BEGIN; SELECT FROM shops')
  let ended = false
  const migrating = migrate(source).finally(() => (ended = true))
  await until(async () => {
    const [row] = await query<{ n: number }>(
      source.url,
      `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'shops'::regclass AND NOT granted`,
    )
    return row?.n === 1
  })
  // Behind a lock request without timeout these would wait as well.
  for (let n = 0; n < 10; n += 1)
    await query(source.url, `INSERT INTO shops (name) VALUES ('shop ${String(n)}')`)
  expect(ended).toBe(false)
  await reader.query('COMMIT')
  expect(await migrating).toEqual({ applied: ['20260103000000_column'] })
  expect(
    await query(source.url, 'SELECT count(city)::int AS cities, count(*)::int AS shops FROM shops'),
  ).toEqual([{ cities: 0, shops: 10 }])
})

test('a migration that does not get its locks in time is reported, and tried again by the next run', async () => {
  await using sources = await copyOfSample()
  const source = { ...sources, url: (await server.createDatabase(sources)).ownerUrl }
  const name = '20260103000000_column'
  await sources.add(name, 'CREATE TABLE half (id int); ALTER TABLE shops ADD COLUMN city text')
  {
    await using reader = await connect(source.url)
    await reader.query('BEGIN; SELECT FROM shops')
    await expect(migrate(source, { lockDeadline: 0 })).rejects.toMatchObject({
      migration: name,
      message: `Migration ${name}: other sessions hold locks on its tables. End their transactions (see pg_stat_activity), then start again.`,
    })
  }
  expect(await query(source.url, `SELECT to_regclass('half') AS half`)).toEqual([{ half: null }])
  expect(await migrationStatus(source)).toMatchObject({ failed: [], pending: [name] })
  expect(await migrate(source)).toEqual({ applied: [name] })
})

test('an index that is built concurrently waits for transactions without blocking them', async () => {
  await using sources = await copyOfSample()
  const source = { ...sources, url: (await server.createDatabase(sources)).ownerUrl }
  await sources.add('20260103000000_index', 'CREATE INDEX CONCURRENTLY shops_name_idx ON shops (name)')
  await using writer = await connect(source.url)
  await writer.query(`BEGIN; INSERT INTO shops (name) VALUES ('shop')`)
  const migrating = migrate(source)
  await until(async () => {
    const [row] = await query<{ n: number }>(
      source.url,
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted`,
    )
    return row?.n === 1
  })
  await query(source.url, `INSERT INTO shops (name) VALUES ('another')`)
  await writer.query('COMMIT')
  expect(await migrating).toEqual({ applied: ['20260103000000_index'] })
  expect(
    await query(source.url, `SELECT indisvalid FROM pg_index WHERE indexrelid = 'shops_name_idx'::regclass`),
  ).toEqual([{ indisvalid: true }])
})

test('migrations of another version and edited ones show in the status', async () => {
  await using sources = await copyOfSample()
  const source = { ...sources, url: (await server.createDatabase(sources)).ownerUrl }
  await appendFile(sources.script(both[1] ?? ''), '-- changed\n')
  await rm(path.dirname(sources.script(both[0] ?? '')), { recursive: true })
  expect(await migrationStatus(source)).toEqual({
    ...nothing,
    applied: both,
    unknown: [both[0]],
    edited: [both[1]],
  })
})

test('a database with foreign tables is not changed', async () => {
  const source = { url: (await server.createDatabase()).ownerUrl, ...sample }
  await query(source.url, 'CREATE TABLE theirs (id int)')
  await expect(migrate(source)).rejects.toThrow('holds tables but no record of migrations')
  expect(await query(source.url, `SELECT to_regclass('shops') AS shops`)).toEqual([{ shops: null }])
})

test.each([
  ['no server', () => 'postgresql://me:s3cret@127.0.0.1:1/shop', '127.0.0.1:1/shop: connect ECONNREFUSED'],
  [
    'a wrong password',
    () => server.url('postgres', 'postgres', 's3cret'),
    '/postgres: password authentication failed',
  ],
  ['no such database', () => server.url('s-h-o-p'), '/s-h-o-p: database "s-h-o-p" does not exist'],
  ['no URL at all', () => 'me:s3cret', '(not a valid connection URL)'],
])('an unreachable database is named without the password: %s', async (_, url, message) => {
  for (const run of [migrate, migrationStatus, schemaDrift]) {
    const failure = await run({ url: url(), ...sample }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(DatabaseUnreachableError)
    expect((failure as Error).message).toContain(message)
    expect((failure as Error).message).not.toMatch(/s3cret|\n/)
  }
})

test('a folder or a schema that is missing is named', async () => {
  const url = (await server.createDatabase()).ownerUrl
  await expect(migrate({ url, ...sample, migrationsDir: '/nowhere' })).rejects.toThrow(
    'no folder of migrations at /nowhere',
  )
  await expect(migrate({ url, ...sample, schemaPath: '/nowhere' })).rejects.toThrow(
    'no Prisma schema at /nowhere',
  )
})
