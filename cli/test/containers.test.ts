import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeEach, afterEach, expect, test } from '@jest/globals'
import type { Variable } from '@user-stats/config'
import { eventsVariables } from '@user-stats/events/env'
import { gatewayVariables } from '@user-stats/gateway/env'
import { usersVariables } from '@user-stats/users/env'
import { definitions } from '../src/services/definitions.ts'
import { changeMasterKey, retireMasterKey, makeSecrets } from '../src/containers/secrets.ts'

const folders = ['users-database', 'events-database', 'migrate', 'users', 'events', 'gateway']

let root: string
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'secrets-'))
  for (const folder of folders) await mkdir(path.join(root, folder))
})
afterEach(() => rm(root, { recursive: true }))

const read = async (file: string) => (await readFile(path.join(root, file), 'utf8')).trimEnd()

async function all(): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort()
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await read(file)] as const)))
}

test('each container has the secrets it needs in its own folder, and no others', async () => {
  await makeSecrets(root)
  expect(Object.keys(await all())).toEqual([
    'events-database/password',
    'events/database-url',
    'events/gateway-secret',
    'gateway/gateway-secret',
    'migrate/events-admin-url',
    'migrate/events-database-url',
    'migrate/events-owner-url',
    'migrate/users-admin-url',
    'migrate/users-database-url',
    'migrate/users-owner-url',
    'users-database/password',
    'users/admin-api-key',
    'users/database-url',
    'users/gateway-secret',
    'users/master-key',
    'users/master-key-previous',
  ])
})

test('containers that share a secret have the same one', async () => {
  await makeSecrets(root)
  for (const name of ['users', 'events']) {
    expect(await read(`${name}/database-url`)).toBe(await read(`migrate/${name}-database-url`))
    const admin = new URL(await read(`migrate/${name}-admin-url`))
    expect(admin.password).toBe(await read(`${name}-database/password`))
    expect(admin.host).toBe(`${name}-database:5432`)
    expect(await read(`${name}/gateway-secret`)).toBe(await read('gateway/gateway-secret'))
  }
})

test('no secret can be derived from another', async () => {
  await makeSecrets(root)
  const files = await all()
  const passwords = Object.keys(files)
    .filter((file) => file.startsWith('migrate/'))
    .map((file) => new URL(files[file] ?? '').password)
  const secrets = [...passwords, files['users/master-key'], files['users/admin-api-key']]
  expect(new Set(secrets).size).toBe(8)
  for (const secret of secrets) expect(secret?.length).toBeGreaterThanOrEqual(43)
})

test('secrets are read-only, and only the group of a database reads its password', async () => {
  await makeSecrets(root)
  for (const file of Object.keys(await all())) {
    const { mode } = await stat(path.join(root, file))
    expect([file, mode & 0o777]).toEqual([file, file.endsWith('password') ? 0o440 : 0o400])
  }
})

test('a second start, or several at once, change nothing', async () => {
  await Promise.all([makeSecrets(root), makeSecrets(root), makeSecrets(root)])
  const before = await all()
  await makeSecrets(root)
  expect(await all()).toEqual(before)
})

test('secrets of the operator are kept, missing ones are created', async () => {
  await writeFile(path.join(root, 'users/admin-api-key'), 'my-own-long-admin-key\n')
  await makeSecrets(root)
  await rm(path.join(root, 'events/database-url'))
  const before = await all()
  await makeSecrets(root)
  const after = await all()
  expect(after['users/admin-api-key']).toBe('my-own-long-admin-key')
  expect(after).toEqual({ ...before, 'events/database-url': before['migrate/events-database-url'] })
})

test('a volume of another installation is an error and is not changed', async () => {
  await makeSecrets(root)
  const file = path.join(root, 'events-database/password')
  await chmod(file, 0o600)
  await writeFile(file, 'another\n')
  await expect(makeSecrets(root)).rejects.toThrow(
    /events-database\/password .* one of the volumes was replaced/,
  )
  expect(await read('events-database/password')).toBe('another')
})

test('the new master key is stored next to the old one, and a second run keeps the first new one', async () => {
  await makeSecrets(root)
  const before = await all()
  expect(before['users/master-key-previous']).toBe('')
  await changeMasterKey(root)
  await changeMasterKey(root)
  await makeSecrets(root)
  const during = await all()
  expect(during['users/master-key-previous']).toBe(before['users/master-key'])
  expect(during['users/master-key']).not.toBe(before['users/master-key'])
  for (const file of ['users/master-key', 'users/master-key-previous'])
    expect((await stat(path.join(root, file))).mode & 0o777).toBe(0o400)
  await retireMasterKey(root)
  const after = await all()
  expect(after).toEqual({ ...during, 'users/master-key-previous': '' })
  const kept = Object.keys(during).filter((file) => !(file in before))
  expect(kept).toEqual([expect.stringMatching(/^users\/master-key-[\da-f]{16}$/)])
  expect(kept.map((file) => after[file])).toEqual([before['users/master-key']])
})

// A volume first mounted where the image has no folder belongs to root, and `init` cannot write to it.
test('the image and docker-compose.yml have a folder for each container that has secrets', async () => {
  const [image, compose] = await Promise.all([text('Dockerfile'), text('docker-compose.yml')])
  const made = [...image.matchAll(/ secrets\/([a-z-]+)/g)].map(([, name]) => name)
  const mounted = [...block(compose, '  init:').matchAll(/([a-z-]+)-secrets:\/secrets\/([a-z-]+)$/gm)]
  expect(made.sort()).toEqual(folders.toSorted())
  expect(mounted.map(([, volume, folder]) => [volume, folder]).sort()).toEqual(
    folders.toSorted().map((name) => [name, name]),
  )
})

test('.dockerignore lets each folder pass that the image copies', async () => {
  const [image, ignored] = await Promise.all([text('Dockerfile'), text('.dockerignore')])
  const passing = new Set([...ignored.matchAll(/^!([^/\n]+)/gm)].map(([, name]) => name))
  const copied = [...image.matchAll(/^COPY (?!--)(.+) \S+$/gm)]
    .flatMap(([, sources = '']) => sources.split(' '))
    .map((source) => source.split('/')[0])
    .filter((source) => source !== '.')
  expect(copied).toContain('web')
  expect(copied.filter((name) => !passing.has(name))).toEqual([])
})

// Constants inside containers: where to listen (the image's HOST and METRICS_HOST), and the supergraph in the
// image.
const fixed = /^(HOST|METRICS_HOST|METRICS_PORT|(GATEWAY|USERS|EVENTS)_PORT|SUPERGRAPH_.*)$/

test.each([
  ['gateway', gatewayVariables],
  ['users', usersVariables],
  ['events', eventsVariables],
])('docker-compose.yml sets or forwards each variable of %s, and no other', async (service, variables) => {
  const compose = await text('docker-compose.yml')
  const named = [block(compose, 'x-environment: &environment'), block(compose, `  ${service}:`)].flatMap(
    (text) => [...text.matchAll(/^ +([A-Z][A-Z_]+?)(?:_FILE)?:/gm)].map(([, name]) => name),
  )
  expect(named.filter((name) => name !== 'NODE_EXTRA_CA_CERTS').sort()).toEqual(
    Object.entries<Variable>(variables)
      .filter(([name, { onlyTests }]) => !fixed.test(name) && onlyTests !== true)
      .map(([name]) => name)
      .sort(),
  )
})

/** A file of the repository's root. */
const text = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8')

test.each(['backup', 'restore'])(
  'docs/backup.md has the tested commands for containers: %s',
  async (name) => {
    const page = await text('docs/backup.md')
    const [own, contained] = [`tested: ${name}`, `in containers: ${name}`].map((mark) =>
      (page.split(`<!-- ${mark} -->\n\n\`\`\`sh\n`)[1]?.split('```')[0] ?? '').trimEnd().split('\n'),
    )
    expect(own?.[0]).toMatch(/^npm run /)
    const around = /^(ours\(\)|docker compose (stop|up)) /
    const { scripts } = JSON.parse(await text('package.json')) as { scripts: Record<string, string> }
    expect(contained?.filter((line) => !around.test(line))).toEqual(
      own?.map((line) => inContainers(line, scripts)),
    )
  },
)

test('docker-compose.yml and docs/operate.md start each service with the flags that npm start uses', async () => {
  const [compose, operate] = await Promise.all([text('docker-compose.yml'), text('docs/operate.md')])
  for (const { name, main, flags = [] } of definitions) {
    const file = path.relative(path.resolve(import.meta.dirname, '../..'), main)
    expect(block(compose, `  ${name}:`)).toContain(`command: [${['node', ...flags, file].join(', ')}]`)
    expect(operate).toContain(`\`${['node', ...flags, file].join(' ')}\``)
  }
})

/** A command in the form for containers. */
function inContainers(line: string, scripts: Readonly<Record<string, string>>): string {
  const [, script = '', options = ''] = /^npm run ([a-z-]+)(?: --)?(.*)$/.exec(line) ?? []
  const command = (scripts[script] ?? '').replace('node cli/src/main.ts', 'ours')
  return command + options.replace('"$BACKUPS"', '/backups').replace('"$KEY_BACKUPS"', '/key-backups')
}

/** The indented lines below a line. */
function block(yaml: string, head: string): string {
  const lines = yaml.split('\n')
  const start = lines.indexOf(head) + 1
  const indent = head.search(/\S/)
  const end = lines.findIndex((line, at) => at >= start && line !== '' && line.search(/\S/) <= indent)
  return lines.slice(start, end).join('\n')
}
