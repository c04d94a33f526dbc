import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { connect } from '@user-stats/postgres'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { embeddedSite } from '../src/databases/embedded-site.ts'
import { externalSite } from '../src/databases/external-site.ts'
import { databaseNames, type DatabaseName } from '../src/databases/schemas.ts'
import type { Site, Sites, Stage } from '../src/databases/site.ts'
import {
  dropDrafts,
  finishSwitch,
  interruptedSwitch,
  requireNoSwitch,
  switchToRestored,
  undoSwitch,
} from '../src/databases/switch.ts'

const stamp = '20261124150405'

/** Sites whose stages contain different texts. */
interface World {
  readonly sites: Sites
  readonly put: (name: DatabaseName, stage: Stage, text: string) => Promise<void>
  readonly read: (name: DatabaseName, stage: Stage) => Promise<string>
  /** Whether several renames are atomic. */
  readonly atomic: boolean
}

let server: TestPostgres
const dirs: string[] = []
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(async () => {
  await server.stop()
  for (const dir of dirs) await rm(dir, { recursive: true })
})

async function embeddedWorld(): Promise<World> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'user-stats-switch-'))
  dirs.push(dataDir)
  const fileOf = (name: DatabaseName, stage: Stage) =>
    path.join(dataDir, stage === '' ? name : `${name}_${stage}`, 'pgdata', 'text')
  return {
    sites: { users: embeddedSite('users', dataDir), events: embeddedSite('events', dataDir) },
    put: async (name, stage, text) => {
      await mkdir(path.dirname(fileOf(name, stage)), { recursive: true })
      await writeFile(fileOf(name, stage), text)
    },
    read: (name, stage) => readFile(fileOf(name, stage), 'utf8'),
    atomic: false,
  }
}

let worlds = 0
function externalWorld(): Promise<World> {
  worlds += 1
  const baseOf = (name: DatabaseName) => `${name}_${String(worlds)}`
  const nameOf = (base: string, stage: Stage) => (stage === '' ? base : `${base}_${stage}`)
  const bases = { users: baseOf('users'), events: baseOf('events') }
  const site = (name: DatabaseName) => {
    const url = server.url(bases[name])
    return externalSite(name, { serving: url, owner: url, admin: server.superuserUrl })
  }
  const query = async <Row extends object>(text: string) => {
    await using admin = await connect(server.superuserUrl)
    return (await admin.query<Row>(text)).rows
  }
  return Promise.resolve({
    sites: { users: site('users'), events: site('events') },
    put: async (name, stage, text) => {
      await query(`CREATE DATABASE ${nameOf(bases[name], stage)}`)
      await query(`COMMENT ON DATABASE ${nameOf(bases[name], stage)} IS '${text}'`)
    },
    read: async (name, stage) => {
      const [row] = await query<{ text: string }>(
        `SELECT shobj_description(oid, 'pg_database') AS text FROM pg_database WHERE datname = '${nameOf(bases[name], stage)}'`,
      )
      return row?.text ?? ''
    },
    atomic: true,
  })
}

/** Sites that fail after a number of steps, like a kill. */
function killedAfter({ sites, atomic }: World, steps: number): Sites {
  let left = steps
  const killable = (site: Site): Site => ({
    ...site,
    rename: async (changes) => {
      for (const step of atomic ? [changes] : changes.map((change) => [change])) {
        if (left === 0) throw new Error('killed')
        left -= 1
        await site.rename(step)
      }
    },
  })
  return { users: killable(sites.users), events: killable(sites.events) }
}

const texts = async ({ sites, read }: World, name: DatabaseName) =>
  Object.fromEntries(
    await Promise.all(
      [...(await sites[name].stages())].map(async (stage) => [stage, await read(name, stage)] as const),
    ),
  )

describe.each([
  ['directories', embeddedWorld],
  ['databases of a server', externalWorld],
])('%s', (_, makeWorld) => {
  test('a switch killed at any step has not begun, or is finished by the next run, before which nothing starts', async () => {
    for (let steps = 0, killed = true; killed; steps += 1) {
      const world = await makeWorld()
      for (const name of databaseNames) {
        await world.put(name, '', 'old')
        await world.put(name, `restoring_${stamp}`, 'new')
      }
      killed = await switchToRestored(killedAfter(world, steps), stamp).then(
        () => false,
        () => true,
      )
      const begun = await interruptedSwitch(world.sites)
      expect([steps, killed, begun]).toEqual([steps, killed, killed && steps > 0 ? stamp : undefined])
      // The next command must not remove what is needed to finish.
      if (begun !== undefined) {
        await dropDrafts(world.sites)
        await expect(requireNoSwitch(world.sites.users)).rejects.toThrow('run the restore again to finish it')
        await finishSwitch(world.sites, begun)
      }
      const expected =
        begun === undefined && killed
          ? { '': 'old', [`restoring_${stamp}`]: 'new' }
          : { '': 'new', [`replaced_${stamp}`]: 'old' }
      for (const name of databaseNames)
        expect([steps, name, await texts(world, name)]).toEqual([steps, name, expected])
      for (const name of databaseNames) await requireNoSwitch(world.sites[name])
    }
  })

  test('undoing a restore can be killed at any step and is then finished; the restored databases become drafts', async () => {
    for (let steps = 0, killed = true; killed; steps += 1) {
      const world = await makeWorld()
      for (const name of databaseNames) {
        await world.put(name, '', 'new')
        await world.put(name, 'replaced_20261123000000', 'older')
        await world.put(name, `replaced_${stamp}`, 'old')
      }
      killed = await undoSwitch(killedAfter(world, steps)).then(
        () => false,
        () => true,
      )
      const begun = await interruptedSwitch(world.sites)
      if (begun !== undefined) await finishSwitch(world.sites, begun)
      const undone = !killed || begun !== undefined
      for (const name of databaseNames)
        expect([steps, name, await texts(world, name)]).toEqual([
          steps,
          name,
          undone
            ? { '': 'old', replaced_20261123000000: 'older', [`undone_${stamp}`]: 'new' }
            : { '': 'new', replaced_20261123000000: 'older', [`replaced_${stamp}`]: 'old' },
        ])
      await dropDrafts(world.sites)
      expect((await world.sites.users.stages()).has(`undone_${stamp}`)).toBe(false)
    }
  })

  test('where nothing was served before, nothing is kept and there is no restore to undo', async () => {
    const world = await makeWorld()
    for (const name of databaseNames) await world.put(name, `restoring_${stamp}`, 'new')
    await switchToRestored(world.sites, stamp)
    for (const name of databaseNames) expect(await texts(world, name)).toEqual({ '': 'new' })
    await expect(undoSwitch(world.sites)).rejects.toThrow('there is no restore to undo')
  })
})

test('a database with connected clients is not switched, and the restore explains how to continue', async () => {
  const world = await externalWorld()
  for (const name of databaseNames) {
    await world.put(name, '', 'old')
    await world.put(name, `restoring_${stamp}`, 'new')
  }
  const base = `events_${String(worlds)}`
  const session = await connect(server.url(base))
  await expect(world.sites.events.requireIdle()).rejects.toThrow(
    /1 sessions of "postgres" use the database events_/,
  )
  await expect(switchToRestored(world.sites, stamp)).rejects.toThrow(
    /is being accessed by other users: stop whatever is connected to it\. The switch has begun, .*run the restore again/,
  )
  await session.end()
  await finishSwitch(world.sites, stamp)
  expect(await texts(world, 'events')).toEqual({ '': 'new', [`replaced_${stamp}`]: 'old' })
})

test('one restore at a time works on the databases of a server', async () => {
  const { sites } = await externalWorld()
  await using _held = await sites.users.lock()
  await expect(sites.users.lock()).rejects.toThrow('is being restored by another run')
})
