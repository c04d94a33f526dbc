import { access, chmod, mkdtemp, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { startTestPostgres } from '../src/testing/test-postgres.ts'
import { query, sample, startFixture } from './helpers.ts'

test('a test server gives migrated databases and leaves nothing behind', async () => {
  const server = await startTestPostgres()
  const [one, two] = await Promise.all([server.createDatabase(sample), server.createDatabase(sample)])
  await query(one.url, `INSERT INTO shops (name) VALUES ('one')`)
  expect(await query(two.url, 'SELECT FROM shops')).toEqual([])
  expect(await query(one.superuserUrl, 'SELECT name FROM shops')).toEqual([{ name: 'one' }])
  await server[Symbol.asyncDispose]()
  await expect(access(server.home)).rejects.toThrow('ENOENT')
  await expect(access(path.dirname(server.home))).rejects.toThrow('ENOENT')
})

test('the server of a killed test run is ended by the next one', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'user-stats-test-'))
  await chmod(dir, 0o711)
  const { line, ended } = await startFixture('start-and-die.ts', dir)
  await ended
  await utimes(dir, 0, 0)

  await using _server = await startTestPostgres()
  await expect(access(dir)).rejects.toThrow('ENOENT')
  await expect(query(`postgresql://x@127.0.0.1:${line}/postgres`, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
})
