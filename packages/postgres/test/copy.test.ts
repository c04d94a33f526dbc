import { readFile, readdir, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { copyCluster, discardHome, gatherHome, listCluster, startEmbeddedPostgres } from '../src/index.ts'
import { query, temporaryDir } from './helpers.ts'

const secret = 'left behind: 7c1f0a'

/** A stopped server with a table whose content shall not be copied. */
async function makeSource(dataDir: string) {
  const server = await startEmbeddedPostgres({ dataDir, name: 'source', settings: { fsync: 'off' } })
  await query(
    server.superuserUrl,
    `CREATE TABLE kept AS SELECT n, 'kept ' || n AS text FROM generate_series(1, 1000) n`,
  )
  await query(
    server.superuserUrl,
    `CREATE TABLE secrets (text text PRIMARY KEY); INSERT INTO secrets VALUES ('${secret}')`,
  )
  const [row] = await query<{ table: string; index: string }>(
    server.superuserUrl,
    `SELECT pg_relation_filepath('secrets') AS table, pg_relation_filepath('secrets_pkey') AS index`,
  )
  await query(server.superuserUrl, 'CHECKPOINT')
  await server.stop()
  return { home: server.home, paths: [row?.table ?? '', row?.index ?? ''] }
}

async function filesWith(dir: string, text: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  const found = await Promise.all(names.map(async (name) => (await readFile(name)).includes(text)))
  return names.filter((_, at) => found[at])
}

test('a copy starts, has what was there, and not the content that was to be left behind', async () => {
  await using temporary = await temporaryDir()
  const { home, paths } = await makeSource(temporary.dir)
  expect((await filesWith(home, secret)).length).toBeGreaterThan(1)

  const files = await listCluster(path.join(home, 'pgdata'), paths)
  let bytes = 0
  const target = path.join(temporary.dir, 'copy')
  const copied = await copyCluster({
    from: home,
    files,
    dataDir: target,
    name: 'it',
    onBytes: (more) => (bytes += more),
  })
  expect(bytes).toBe(files.files.reduce((sum, file) => sum + file.bytes, 0))
  // Those tables are empty; what else there is of them is in the write-ahead log that the next start reads.
  expect(await filesWith(path.join(copied, 'pgdata', 'base'), secret)).toEqual([])

  await using copy = await startEmbeddedPostgres({
    dataDir: target,
    name: 'it',
    settings: { wal_recycle: 'off', autovacuum: 'off' },
  })
  expect(copy.adopted).toBe(false)
  expect(await query(copy.superuserUrl, 'SELECT count(*)::int AS n, max(text) AS text FROM kept')).toEqual([
    { n: 1000, text: 'kept 999' },
  ])
  await query(copy.superuserUrl, 'TRUNCATE secrets')
  await query(copy.superuserUrl, 'DELETE FROM pg_statistic')
  await query(copy.superuserUrl, 'SELECT pg_switch_wal()')
  await query(copy.superuserUrl, 'CHECKPOINT')
  await query(copy.superuserUrl, "INSERT INTO secrets VALUES ('another')")
  await copy.stop()
  expect(await filesWith(copied, secret)).toEqual([])

  await gatherHome(target, 'it')
  expect((await readdir(path.join(target, 'it'))).sort()).toEqual(['pgdata', 'superuser-password'])
  await discardHome(target, 'it')
  expect(await readdir(target)).toEqual([])
})

test('a server that was not stopped cleanly is not copied, nor one whose files lie elsewhere', async () => {
  await using temporary = await temporaryDir()
  const { home } = await makeSource(temporary.dir)
  await symlink('/tmp', path.join(home, 'pgdata', 'pg_tblspc', '16999'))
  await expect(listCluster(path.join(home, 'pgdata'), [])).rejects.toThrow(/16999 is a symbolic link/)
  await rm(path.join(home, 'pgdata', 'pg_tblspc', '16999'))
  await using server = await startEmbeddedPostgres({ dataDir: temporary.dir, name: 'source' })
  await expect(listCluster(path.join(server.home, 'pgdata'), [])).rejects.toThrow('was not stopped cleanly')
})
