import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect, embeddedVersion } from '@user-stats/postgres'
import { appliedMigrations, masterKeysOf } from '../../src/backup/database-state.ts'
import { describeFile } from '../../src/backup/files.ts'
import { reachDatabases } from '../../src/databases/reach.ts'
import { silent } from '../../src/terminal.ts'
import { exportTombstones } from '../../src/tombstones/export.ts'
import { writeTombstones } from '../../src/tombstones/file.ts'

const manifest = 'manifest.json'

async function filesIn(dir: string) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
  return await Promise.all(names.map((name) => describeFile(dir, name)))
}

/**
 * Backs stopped embedded databases up as version 1 did: the files of both servers, and a line of JSON for
 * each data key.
 */
export async function makePhysicalBackup(
  dataDir: string,
  { to, keysTo }: { readonly to: string; readonly keysTo: string },
): Promise<void> {
  const createdAt = new Date().toISOString()
  // The identifier of the server.
  const installation = '7555555555555555555'
  await mkdir(to)
  await mkdir(keysTo)
  const about = async () => {
    await using undo = new AsyncDisposableStack()
    const urls = await reachDatabases(
      { dataDir, databases: { users: undefined, events: undefined } },
      silent,
      undo,
    )
    await using users = await connect(urls.users)
    await using events = await connect(urls.events)
    const { rows } = await users.query<{ row: object }>('SELECT to_jsonb(k) AS row FROM user_keys k')
    await writeFile(
      path.join(keysTo, 'user-keys.ndjson'),
      rows.map(({ row }) => `${JSON.stringify(row)}\n`).join(''),
    )
    const tombstones = await exportTombstones(users, events, { exportedAt: createdAt })
    await writeTombstones(path.join(to, 'tombstones.ndjson'), { ...tombstones, installation })
    return {
      migrations: { users: await appliedMigrations(users), events: await appliedMigrations(events) },
      masterKeys: await masterKeysOf(users),
    }
  }
  const { migrations, masterKeys } = await about()
  const common = { version: 1, createdAt, installation, masterKeys } as const
  for (const name of ['users', 'events'])
    for (const part of ['pgdata', 'superuser-password'])
      await cp(path.join(dataDir, name, part), path.join(to, name, part), { recursive: true })
  await writeFile(
    path.join(keysTo, manifest),
    JSON.stringify({ format: 'user-statistics data keys', ...common, files: await filesIn(keysTo) }),
  )
  const backup = {
    format: 'user-statistics backup',
    ...common,
    postgres: await embeddedVersion(),
    migrations,
  }
  await writeFile(path.join(to, manifest), JSON.stringify({ ...backup, files: await filesIn(to) }))
}
