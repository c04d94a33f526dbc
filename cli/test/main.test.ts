import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { claimPorts } from '../src/ports.ts'
import { freePorts, occupyPort, readiness, runProgram, temporaryDir } from './helpers.ts'

// `npm start` from an operator's view: lines, statuses, signals.

test.each([
  ['a wrong variable', { USERS_PORT: 'x' }, 'USERS_PORT: expected a whole number from 0 to 65535'],
  [
    'an unreachable database',
    { USERS_DATABASE_URL: 'postgresql://me:s3cret@127.0.0.1:1/shop' },
    'Cannot reach the database at 127.0.0.1:1/shop: connect ECONNREFUSED 127.0.0.1:1',
  ],
  [
    'a data directory that cannot be used',
    { DATA_DIR: '/dev/null' },
    'DATA_DIR: /dev/null is not a directory. Set it to a directory that this user may write to.',
  ],
  ['an address of another machine', { HOST: '192.0.2.1' }, 'HOST: 192.0.2.1 is no address of this machine.'],
])('%s ends in one line and status 1', async (_, env, line) => {
  await using home = await temporaryDir()
  const both = { EVENTS_DATABASE_URL: 'postgresql://me:s3cret@127.0.0.1:1/shop', ...env }
  const { code, stderr } = await runProgram({ ...freePorts, DATA_DIR: home.dir, ...both }, 'start').ended
  expect(stderr).toBe(`user-stats: ${line}\n`)
  expect(code).toBe(1)
})

test('each fault in the environment is one line, and a misspelt variable causes a warning', async () => {
  const env = { GATEWAY_PORT: 'x', CORS_ORIGINS: 'shop.example', USERS_PROT: '1', DATA_DIR: '/dev/null' }
  const { code, stdout, stderr } = await runProgram(env, 'start').ended
  expect(stderr.split('\n')).toEqual([
    expect.stringMatching(/^user-stats: CORS_ORIGINS: expected origins/),
    'user-stats: GATEWAY_PORT: expected a whole number from 0 to 65535',
    '',
  ])
  expect([code, stdout]).toEqual([1, 'config    USERS_PROT is ignored: did you mean USERS_PORT?\n'])
})

test('a port in use ends in one line before anything is started', async () => {
  await using home = await temporaryDir()
  await using other = await occupyPort()
  const port = String(other.port)
  const env = { ...freePorts, EVENTS_PORT: port, DATA_DIR: home.dir }
  const { code, stdout, stderr } = await runProgram(env, 'start').ended
  expect(stderr).toBe(
    `user-stats: port ${port} is in use. Stop what listens there, or set EVENTS_PORT to another port.\n`,
  )
  expect([code, stdout]).toEqual([1, ''])
})

test('a start can be killed, started again, interrupted, and interrupted twice', async () => {
  await using home = await temporaryDir()
  const ports = await claimPorts('127.0.0.1', [
    ['gateway', 0] as const,
    ['users', 0] as const,
    ['events', 0] as const,
  ])
  const env = {
    DATA_DIR: home.dir,
    GATEWAY_PORT: String(ports.gateway),
    USERS_PORT: String(ports.users),
    EVENTS_PORT: String(ports.events),
  }
  const first = runProgram(env, 'start')
  await first.ready
  first.child.kill('SIGKILL')
  const killed = await first.ended
  const key = (await readFile(path.join(home.dir, 'admin-api-key'), 'utf8')).trim()
  expect(killed.stdout).toContain(`first admin key created in ${home.dir}/admin-api-key`)
  expect(killed.stdout).not.toContain(key)

  // The same ports: the services of the killed stack notice its end and free them. Its databases are adopted.
  const second = runProgram(env, 'start')
  await second.ready
  for (const port of Object.values(ports))
    expect(await readiness(`http://127.0.0.1:${String(port)}`)).toBe(200)
  // The reader of its output may close it.
  second.child.stdout.destroy()
  second.child.kill('SIGINT')
  // npm passes on a signal that the terminal has already sent.
  second.child.kill('SIGINT')
  const interrupted = await second.ended
  expect(interrupted.stdout).toContain('adopting the PostgreSQL server "users"')
  expect([interrupted.code, interrupted.signal, interrupted.stderr]).toEqual([0, null, ''])

  const third = runProgram(env, 'start')
  await new Promise<void>((resolve) => {
    third.child.stdout.on('data', (text: Buffer) => {
      if (text.includes('starting users')) resolve()
    })
  })
  third.child.kill('SIGTERM')
  await expect(third.ready).rejects.toThrow()
  expect(await third.ended).toMatchObject({ code: 143, stderr: '' })
  for (const name of ['users', 'events'])
    await expect(readFile(path.join(home.dir, name, 'pgdata', 'postmaster.pid'))).rejects.toThrow('ENOENT')
})
