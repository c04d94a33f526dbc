import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startStack, type Stack } from '../src/index.ts'
import { freePorts, readiness, recordingTerminal, temporaryDir } from './helpers.ts'

// One stack for the tests that do not change it.
let home: Awaited<ReturnType<typeof temporaryDir>>
let stack: Stack
const { terminal, lines, next } = recordingTerminal()
beforeAll(async () => {
  home = await temporaryDir()
  stack = await startStack({ ...freePorts, DATA_DIR: home.dir }, { terminal, durable: false })
})
afterAll(async () => {
  await stack.stop()
  await home[Symbol.asyncDispose]()
})

const allReady = () => Promise.all(Object.values(stack.urls).map(readiness))

test('all three services are ready, and one line has their URLs', async () => {
  expect(await allReady()).toEqual([200, 200, 200])
  const { gateway, users, events } = stack.urls
  expect(lines.filter((line) => line.startsWith('ready'))).toEqual([
    `ready gateway ${gateway}/graphql  users ${users}  events ${events}`,
  ])
})

test('the first admin key works, and is in a private file and in no output', async () => {
  const answer = await fetch(`${stack.urls.gateway}/api/auth/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ api_key: stack.adminApiKey }),
  })
  expect(answer.status).toBe(200)
  for (const name of ['admin-api-key', 'master-key', 'secrets.json', 'logs/users.log']) {
    const file = await stat(path.join(home.dir, name))
    expect([name, file.mode & 0o777]).toEqual([name, 0o600])
  }
  expect(lines.join('\n')).not.toContain(stack.adminApiKey)
  for (const name of ['gateway', 'users', 'events'])
    expect(await readFile(path.join(home.dir, 'logs', `${name}.log`), 'utf8')).not.toContain(
      stack.adminApiKey,
    )
})

test('a second start on the same data directory ends in one line that names it', async () => {
  await expect(startStack({ ...freePorts, DATA_DIR: home.dir })).rejects.toThrow(
    `The data directory ${home.dir} is in use by another start`,
  )
  expect(await allReady()).toEqual([200, 200, 200])
})

test.each(['gateway', 'users', 'events'] as const)('%s is started again after a kill', async (name) => {
  const before = stack.services[name].pid
  const back = next(new RegExp(`${name} is ready again`))
  await stack.services[name].kill('SIGKILL')
  expect(await back).toBeDefined()
  expect(stack.services[name].pid).not.toBe(before)
  expect(await readiness(stack.urls[name])).toBe(200)
})

test('a service that was stopped stays down until it is started', async () => {
  await stack.services.events.stop()
  expect(stack.services.events.pid).toBeUndefined()
  await expect(readiness(stack.urls.events)).rejects.toThrow()
  expect(await readiness(stack.urls.gateway)).toBe(200)
  await stack.services.events.start()
  expect(await readiness(stack.urls.events)).toBe(200)
})

test('a database that was killed is started again at its old address', async () => {
  const up = next(/users: the server is down/)
  await stack.databases.users.kill()
  await up
  // Waits for the start in progress.
  await stack.databases.users.start()
  expect(await readiness(stack.urls.users)).toBe(200)
})

test('a stopped database makes its service unready, and ready again once it is up', async () => {
  await stack.databases.events.stop()
  expect(await readiness(stack.urls.events)).toBe(503)
  await stack.databases.events.start()
  expect(await readiness(stack.urls.events)).toBe(200)
})

test('the stack stops the gateway first and the databases last, and starts again with the same data', async () => {
  await stack.stop()
  expect(lines.filter((line) => line.startsWith('stopped'))).toEqual([
    'stopped gateway',
    'stopped users, events',
    'stopped databases',
  ])
  const again = recordingTerminal(true)
  const { adminApiKey } = stack
  stack = await startStack({ ...freePorts, DATA_DIR: home.dir }, { terminal: again.terminal, durable: false })
  expect(stack.adminApiKey).toBe(adminApiKey)
  expect(again.lines.join('\n')).not.toContain(adminApiKey)
  expect(again.lines.filter((line) => line.startsWith('migrate'))).toEqual([
    'migrate users: up to date',
    'migrate events: up to date',
  ])
  expect(await allReady()).toEqual([200, 200, 200])
})

test('the wrong master key ends the start with the message of the service, and everything is stopped', async () => {
  await stack.stop()
  const right = await readFile(path.join(home.dir, 'master-key'), 'utf8')
  await writeFile(path.join(home.dir, 'master-key'), Buffer.alloc(32).toString('base64'))
  const failing = recordingTerminal()
  await expect(
    startStack({ ...freePorts, DATA_DIR: home.dir }, { terminal: failing.terminal, durable: false }),
  ).rejects.toThrow(/^users: MASTER_KEY is not the key of this database/)
  expect(failing.lines.slice(-2)).toEqual(['stopped users, events', 'stopped databases'])

  await writeFile(path.join(home.dir, 'master-key'), right)
  stack = await startStack({ ...freePorts, DATA_DIR: home.dir }, { durable: false })
  expect(await allReady()).toEqual([200, 200, 200])
})
