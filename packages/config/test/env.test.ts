import { expect, test } from '@jest/globals'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commonVariables } from '../src/common.ts'
import { acceptFormerNames } from '../src/former-names.ts'
import { graphLimitsOf } from '../src/graph-limits.ts'
import { EnvError, readVariables, type RawEnv, type Variable } from '../src/read-variables.ts'
import { parsers } from '../src/parsers.ts'

const variables = {
  PORT: { schema: parsers.port(8000), about: 'Port.' },
  WORKERS: { schema: parsers.integer(1, 8, 2), about: 'Workers.' },
  DATABASE_URL: { schema: parsers.databaseUrl(), about: 'Database.' },
  USERS_URL: { schema: parsers.url('http://127.0.0.1:8001'), about: 'Users.' },
  MODE: { schema: parsers.choice(['fast', 'safe'], 'safe'), about: 'Mode.' },
  STRICT: { schema: parsers.flag(true), about: 'Strict.' },
  MASTER_KEY: { schema: parsers.optionalText(), about: 'Key.', secret: true },
} as const satisfies Record<string, Variable>

const needed = { DATABASE_URL: 'postgresql://role:secret@db:5432/events' }
const read = (env: RawEnv) => readVariables(variables, { ...needed, ...env })

function faultsOf(env: RawEnv): readonly string[] {
  try {
    readVariables(variables, env)
  } catch (error) {
    if (error instanceof EnvError) return error.faults
    throw error
  }
  return []
}

test('absent and empty variables have their defaults', () => {
  const defaults = {
    PORT: 8000,
    WORKERS: 2,
    DATABASE_URL: needed.DATABASE_URL,
    USERS_URL: 'http://127.0.0.1:8001',
    MODE: 'safe',
    STRICT: true,
    MASTER_KEY: undefined,
  }
  expect(read({})).toEqual(defaults)
  expect(read({ PORT: '', USERS_URL: '', MODE: '', STRICT: '', MASTER_KEY: '', PORT_FILE: '' })).toEqual(
    defaults,
  )
})

test('all faults are reported together, by name, with what was expected and without the value', () => {
  const faults = faultsOf({
    PORT: '65536',
    WORKERS: '1.5',
    DATABASE_URL: 'mysql://root:hunter2@db/events',
    USERS_URL: 'users:8001',
    MODE: 'reckless',
    STRICT: 'yes',
  })
  expect(faults).toEqual([
    'PORT: expected a whole number from 0 to 65535',
    'WORKERS: expected a whole number from 1 to 8',
    'DATABASE_URL: expected a URL: postgresql://role:password@host:5432/database',
    'USERS_URL: expected an http:// or https:// URL without user name and fragment',
    'MODE: expected one of fast, safe',
    'STRICT: expected true or false',
  ])
})

test('a variable that has no default is missed by name', () => {
  expect(faultsOf({})).toEqual([
    'DATABASE_URL: expected a URL: postgresql://role:password@host:5432/database',
  ])
})

test.each(['-1', ' 8000', '8e3', '0x10', '1'.repeat(400), 'NaN', '８０００'])('%j is no port', (PORT) => {
  expect(faultsOf({ ...needed, PORT })).toEqual(['PORT: expected a whole number from 0 to 65535'])
})

test('a variable can be given as a file, whose last line break does not count', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'env-'))
  const file = join(directory.path, 'key')
  await writeFile(file, ' a secret \n\n')
  expect(read({ MASTER_KEY_FILE: file }).MASTER_KEY).toBe(' a secret \n')
  await writeFile(file, '8123\r\n')
  expect(read({ PORT_FILE: file, PORT: '' }).PORT).toBe(8123)
})

test('a variable and its file at once, and a file that cannot be read, are faults of one line each', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'env-'))
  const missing = join(directory.path, 'missing')
  expect(faultsOf({ ...needed, MASTER_KEY: 'a', MASTER_KEY_FILE: missing })).toEqual([
    'MASTER_KEY and MASTER_KEY_FILE: set one of them, not both',
  ])
  expect(faultsOf({ DATABASE_URL_FILE: missing })).toEqual([
    'DATABASE_URL_FILE: the file cannot be read (ENOENT)',
  ])
})

test('origins are a list, trimmed, without empty members', () => {
  const { CORS_ORIGINS, HOST } = readVariables(commonVariables, {
    CORS_ORIGINS: ' https://a.example, ,https://b.example,',
  })
  expect(CORS_ORIGINS).toEqual(['https://a.example', 'https://b.example'])
  expect(HOST).toBe('127.0.0.1')
})

test('a variable that is not read any more is reported with what holds instead, unless it is empty', () => {
  expect(acceptFormerNames({ MAX_CONNECTIONS: '', HOST: '0.0.0.0' }).warnings).toEqual([])
  expect(acceptFormerNames({ MAX_CONNECTIONS: '5', SUBGRAPH_TIMEOUT_MS_FILE: '/timeout' }).warnings).toEqual([
    'MAX_CONNECTIONS is not read any more: a service has at most 10000 connections.',
    'SUBGRAPH_TIMEOUT_MS_FILE is not read any more: a subgraph has three quarters of REQUEST_TIMEOUT_MS.',
  ])
})

test('the number of tokens bounds the fields, aliases, root fields and directives of an operation', () => {
  const limits = (raw: RawEnv) => graphLimitsOf(readVariables(commonVariables, raw))
  const standard = { depth: 12, tokens: 5_000, cost: 25_000, fields: 1_000, aliases: 100, rootFields: 50 }
  expect(limits({})).toEqual({ ...standard, directives: 50 })
  expect(limits({ GRAPH_MAX_TOKENS: '10000' })).toMatchObject({
    fields: 2_000,
    aliases: 200,
    rootFields: 100,
  })
  expect(limits({ GRAPH_MAX_TOKENS: '100' })).toMatchObject({ fields: 20, rootFields: 1, directives: 1 })
})

test('a variable may still be set by its former name, with a warning; its present name comes first', () => {
  const limitOf = (raw: RawEnv) => {
    const { env, warnings } = acceptFormerNames(raw)
    return [readVariables(commonVariables, env).RATE_LIMIT_ANONYMOUS, warnings]
  }
  const warnings = [
    'RATE_LIMIT_STRANGERS is now called RATE_LIMIT_ANONYMOUS. The former name works in this version only.',
  ]
  expect(limitOf({})).toEqual([60_000, []])
  expect(limitOf({ RATE_LIMIT_ANONYMOUS: '7' })).toEqual([7, []])
  expect(limitOf({ RATE_LIMIT_STRANGERS: '7' })).toEqual([7, warnings])
  expect(limitOf({ RATE_LIMIT_STRANGERS: '7', RATE_LIMIT_ANONYMOUS: '8' })).toEqual([8, warnings])
})
