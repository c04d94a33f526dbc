import { randomBytes } from 'node:crypto'
import { readFile, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { startTestPostgres } from '@user-stats/postgres/testing'
import { startStack, type Stack } from '../src/index.ts'
import { previousMasterKeyOf } from '../src/master-key.ts'
import { runMigrate } from '../src/migrate/migrate.ts'
import { runRotateMasterKey, runRotateSigningKey } from '../src/rotate/command.ts'
import { freePorts, recordingTerminal, runProgram, temporaryDir } from './helpers.ts'

async function graphql(url: string, token: string | undefined, query: string): Promise<any> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query }),
  })
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown }
  expect(errors).toBeUndefined()
  return data
}

const startUsers = (env: Record<string, string>) =>
  startStack({ ...freePorts, ...env }, { services: ['users'], durable: false })

const signIn = async ({ urls }: Stack, apiKey: string): Promise<string> =>
  (
    await graphql(
      urls.users,
      undefined,
      `mutation { authenticate(input: { apiKey: "${apiKey}" }) { accessToken } }`,
    )
  ).authenticate.accessToken

/** A store with some users; its token. */
async function register(stack: Stack, count: number): Promise<string> {
  const url = stack.urls.users
  const admin = await signIn(stack, stack.adminApiKey ?? '')
  const { createStore } = await graphql(
    url,
    admin,
    'mutation { createStore(input: { name: "S" }) { secret } }',
  )
  const token = await signIn(stack, createStore.secret)
  for (let n = 0; n < count; n += 1)
    await graphql(
      url,
      token,
      `mutation { createUser(input: { email: "j${String(n)}@example.org", username: "j${String(n)}", firstName: "J", lastName: "D", phone: 5 }) { user { id } } }`,
    )
  return token
}

const usernames = async (stack: Stack, token: string): Promise<string[]> =>
  (await graphql(stack.urls.users, token, '{ users(first: 100) { nodes { username } } }')).users.nodes.map(
    ({ username }: { username: string }) => username,
  )

test('the stored master key is replaced, even if earlier runs were killed at any point', async () => {
  await using home = await temporaryDir()
  const env = { DATA_DIR: home.dir }
  const file = path.join(home.dir, 'master-key')
  let token: string
  {
    await using stack = await startUsers(env)
    token = await register(stack, 5)
    await expect(runRotateMasterKey({ env, terminal: recordingTerminal().terminal })).rejects.toThrow(
      /^npm start is running on .* with the old master key\. Stop it, run this, and start it again/,
    )
  }
  const old = await readFile(file, 'utf8')

  for (const moment of [/^rotate +created a new/, /^rotate +continuing/, /^rotate .* users' keys/]) {
    const program = runProgram(env, 'rotate', 'master-key')
    expect(await program.next(moment)).toBeDefined()
    program.child.kill('SIGKILL')
    await program.ended
    expect(await previousMasterKeyOf(home.dir)).toBe(old.trim())
  }
  const replaced = await readFile(file, 'utf8')
  expect(replaced).not.toBe(old)
  {
    // In between everything runs, with both keys.
    await using stack = await startUsers(env)
    expect(await usernames(stack, token)).toHaveLength(5)
  }
  const { terminal, lines } = recordingTerminal()
  await runRotateMasterKey({ env, terminal })
  const [kept = ''] = (await readdir(home.dir)).filter((name) => /^master-key-[\da-f]{16}$/.test(name))
  expect(await readFile(path.join(home.dir, kept), 'utf8')).toBe(old)
  const keptIn = `The previous one stays in ${path.join(home.dir, kept)} for backups made under it`
  expect(lines).toContain(`rotate continuing with the existing new master key. ${keptIn}`)
  expect(lines).toContain(`rotate done. ${file} is the key now: keep a copy elsewhere. ${keptIn}`)

  expect(await readFile(file, 'utf8')).toBe(replaced)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await expect(stat(path.join(home.dir, 'master-key-previous'))).rejects.toThrow('ENOENT')
  await using stack = await startUsers(env)
  expect(await usernames(stack, token)).toHaveLength(5)
}, 300_000)

test('a master key in variables is replaced while a service with both keys runs; a new signing key is published at once', async () => {
  await using server = await startTestPostgres()
  await using home = await temporaryDir()
  const database = {
    DATA_DIR: home.dir,
    USERS_ADMIN_URL: server.superuserUrl,
    USERS_OWNER_URL: server.url('users_rotated', 'rotated_owner', 'o'),
    USERS_DATABASE_URL: server.url('users_rotated', 'rotated_serve', 's'),
    EVENTS_DATABASE_URL: (await server.createDatabase()).ownerUrl,
  }
  await runMigrate({ env: database, terminal: recordingTerminal().terminal })
  const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const both = { ...database, MASTER_KEY: fresh, MASTER_KEY_PREVIOUS: old }
  const admin = { ADMIN_API_KEY: 'an-admin-key-for-tests' }
  let token: string
  {
    await using stack = await startUsers({ ...database, ...admin, MASTER_KEY: old })
    token = await register({ ...stack, adminApiKey: admin.ADMIN_API_KEY }, 3)
    await expect(runRotateMasterKey({ env: both, terminal: recordingTerminal().terminal })).rejects.toThrow(
      /^a users service is connected that works with the master key/,
    )
  }
  {
    await using stack = await startUsers({ ...both, ...admin })
    const program = runProgram(both, 'rotate', 'master-key')
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' })
    expect(await usernames(stack, token)).toHaveLength(3)
  }
  const alone = { ...database, MASTER_KEY: fresh }
  await using stack = await startUsers({ ...alone, ...admin })
  expect(await usernames(stack, token)).toHaveLength(3)

  const { terminal, lines } = recordingTerminal()
  await runRotateSigningKey({ env: alone, terminal })
  const [, kid] =
    /^rotate signing key (\S+) is published and signs from \d{4}-/.exec(lines.at(-2) ?? '') ?? []
  // The service has just read its keys, at most a second ago.
  let published: { kid: string }[] = []
  while (published.length < 2)
    published = (
      (await (await fetch(`${stack.urls.users}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }
    ).keys
  expect(published.at(-1)?.kid).toBe(kid)
}, 300_000)

test('missing keys and settings are named', async () => {
  await using home = await temporaryDir()
  const rotate = (what: 'master-key' | 'signing-key', given: Record<string, string> = {}) => {
    const context = { env: { DATA_DIR: home.dir, ...given }, ...recordingTerminal() }
    return what === 'master-key' ? runRotateMasterKey(context) : runRotateSigningKey(context)
  }
  const key = randomBytes(32).toString('hex')
  await expect(rotate('master-key')).rejects.toThrow(/^there is no master key in /)
  await expect(rotate('signing-key')).rejects.toThrow(/^there is no master key in /)
  await expect(rotate('master-key', { MASTER_KEY: key })).rejects.toThrow(/^MASTER_KEY_PREVIOUS: expected/)
  await expect(rotate('master-key', { MASTER_KEY_PREVIOUS: key })).rejects.toThrow(/^MASTER_KEY: expected/)
})
