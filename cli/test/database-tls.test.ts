import { chown, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { createCertificate } from '@user-stats/testing/certificate'
import pg from 'pg'
import { temporaryDir } from './helpers.ts'

let server: TestPostgres
let home: Awaited<ReturnType<typeof temporaryDir>>
beforeAll(async () => {
  home = await temporaryDir()
  server = await startTestPostgres()
  const pgdata = path.join(server.home, 'pgdata')
  const { cert, key } = createCertificate(['127.0.0.1'])
  const { uid, gid } = await stat(pgdata)
  for (const [name, text] of [
    ['server.crt', cert],
    ['server.key', key],
  ] as const) {
    await writeFile(path.join(pgdata, name), text, { mode: 0o600 })
    await chown(path.join(pgdata, name), uid, gid)
  }
  await writeFile(path.join(home.dir, 'right.pem'), cert)
  await writeFile(path.join(home.dir, 'wrong.pem'), createCertificate(['127.0.0.1']).cert)
  const client = new pg.Client({ connectionString: server.superuserUrl })
  await client.connect()
  await client.query('ALTER SYSTEM SET ssl = on')
  await client.query('SELECT pg_reload_conf()')
  await client.end()
})
afterAll(async () => {
  await server.stop()
  await home[Symbol.asyncDispose]()
})

const urlWith = (authority: string, host = '127.0.0.1') => {
  const url = new URL(server.superuserUrl)
  url.hostname = host
  url.searchParams.set('sslmode', 'verify-full')
  url.searchParams.set('sslrootcert', path.join(home.dir, authority))
  return url.href
}

/** How a service's connections to a database are encrypted. */
async function encryptionOf(url: string): Promise<unknown> {
  const database = openUsersDatabase({ url, maxConnections: 4, name: 'test', onIdleError: () => undefined })
  try {
    const { rows } = await database.pool.query(
      'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    )
    return rows
  } finally {
    await database.close()
  }
}

test('a URL with sslmode=verify-full and the authority’s certificate is used over TLS', async () => {
  expect(await encryptionOf(urlWith('right.pem'))).toEqual([{ ssl: true, version: 'TLSv1.3' }])
})

test('a database with the certificate of another authority or for another name is refused', async () => {
  await expect(encryptionOf(urlWith('wrong.pem'))).rejects.toThrow('self-signed certificate')
  await expect(encryptionOf(urlWith('right.pem', 'localhost'))).rejects.toThrow(/altnames/)
})
