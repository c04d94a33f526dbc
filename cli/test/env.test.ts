import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { EnvError, nearMisses } from '@user-stats/config'
import { eventsVariables } from '@user-stats/events/env'
import { gatewayVariables } from '@user-stats/gateway/env'
import { usersVariables } from '@user-stats/users/env'
import { readStackEnv, stackVariables, variableNames } from '../src/env.ts'
import { readMigrateEnv } from '../src/migrate/env.ts'
import { temporaryDir } from './helpers.ts'

const faultsOf = (read: () => unknown): readonly string[] => {
  try {
    read()
  } catch (error) {
    if (error instanceof EnvError) return error.faults
    throw error
  }
  return []
}

test('faults in variables of the stack and of any service are reported together, without a value', () => {
  const faults = faultsOf(() =>
    readStackEnv({
      GATEWAY_PORT: 's3cret',
      MIN_COHORT: 's3cret',
      MASTER_KEY: 's3cret',
      USERS_DATABASE_URL: 's3cret',
    }),
  )
  expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual(
    ['GATEWAY_PORT', 'MIN_COHORT', 'MASTER_KEY', 'USERS_DATABASE_URL'].sort(),
  )
  expect(faults.join()).not.toContain('s3cret')
})

test('all faults in the stack and its services are reported at once, without those that follow from others', () => {
  expect(
    faultsOf(() =>
      readStackEnv({
        HOST: 'a b',
        CORS_ORIGINS: 'shop.example',
        ANALYST_DATA_PATHS: 'price',
        USERS_PORT: '8000',
        USERS_DATABASE_URL: 'postgresql://h/d?sslmode=verify_full',
        USERS_OWNER_URL: 'postgresql://h/d',
        EVENTS_OWNER_URL: 'postgresql://h/d',
        SUPERGRAPH_PATH: '/nowhere',
        DATA_DIR: '~/data',
        TLS_CERT: 'x',
        TLS_KEY: 'y',
      }),
    ).map((fault) => fault.split(':')[0]),
  ).toEqual([
    'HOST',
    'CORS_ORIGINS',
    'SUPERGRAPH_PATH',
    'USERS_DATABASE_URL',
    'ANALYST_DATA_PATHS',
    'DATA_DIR',
    'USERS_PORT',
    'EVENTS_DATABASE_URL',
    'TLS_CERT',
    'TLS_KEY',
  ])
})

test('the URL of a subgraph in the supergraph is validated too', async () => {
  await using home = await temporaryDir()
  const file = path.join(home.dir, 'supergraph.graphql')
  await writeFile(file, 'enum join__Graph { OURS @join__graph(name: "our-products", url: "http://x") }')
  const read = (url: string) => faultsOf(() => readStackEnv({ SUPERGRAPH_PATH: file, OUR_PRODUCTS_URL: url }))
  expect(read('http://products')).toEqual([])
  expect(read('products:80')).toEqual([expect.stringMatching(/^OUR_PRODUCTS_URL: expected an http/)])
})

test.each([
  ['gateway', gatewayVariables],
  ['users', usersVariables],
  ['events', eventsVariables],
])('with %s no variable of another service is reported as misspelt', (_, own) => {
  const given = Object.fromEntries(variableNames({}).map((name) => [name, 'x']))
  expect(nearMisses(given, Object.keys(own))).toEqual([])
})

test('two services cannot have the same port, unless it is 0', () => {
  expect(faultsOf(() => readStackEnv({ GATEWAY_PORT: '8002' }))).toEqual([
    'EVENTS_PORT: the same as GATEWAY_PORT, expected another port',
  ])
  expect(faultsOf(() => readStackEnv({ GATEWAY_PORT: '0', EVENTS_PORT: '0' }))).toEqual([])
})

test('metrics have the port after each service, or three consecutive ones, and never the port of a service', () => {
  expect(readStackEnv({}).metrics).toEqual({ gateway: 9_000, users: 9_001, events: 9_002 })
  expect(readStackEnv({ METRICS_PORT: '9464' }).metrics).toEqual({
    gateway: 9_464,
    users: 9_465,
    events: 9_466,
  })
  expect(readStackEnv({ GATEWAY_PORT: '0', USERS_PORT: '65000' }).metrics).toEqual({
    gateway: 0,
    users: 64_000,
    events: 9_002,
  })
  expect(faultsOf(() => readStackEnv({ USERS_PORT: '9000' }))).toEqual([
    'METRICS_PORT: metrics of gateway would be on USERS_PORT, expected another port',
  ])
})

test('databases are embedded unless a URL is given, which owns and migrates unless another is', () => {
  const serving = 'postgresql://serve:x@db.example/users'
  const owner = 'postgresql://own:x@db.example/users'
  expect(readStackEnv({}).databases).toEqual({ users: undefined, events: undefined })
  expect(readStackEnv({ USERS_DATABASE_URL: serving }).databases.users?.owner).toBe(serving)
  expect(readStackEnv({ USERS_DATABASE_URL: serving, USERS_OWNER_URL: owner }).databases.users?.owner).toBe(
    owner,
  )
  expect(faultsOf(() => readStackEnv({ USERS_OWNER_URL: owner }))).toEqual([
    'USERS_DATABASE_URL: expected with USERS_OWNER_URL',
  ])
})

test('an administrator prepares a database for two roles other than itself', () => {
  const as = (role: string, database = 'events') => `postgresql://${role}:x@db.example/${database}`
  const read = (admin: string, owner: string, serving: string) =>
    faultsOf(() =>
      readMigrateEnv({ EVENTS_ADMIN_URL: admin, EVENTS_OWNER_URL: owner, EVENTS_DATABASE_URL: serving }),
    )
  expect(read(as('admin'), as('own'), as('serve'))).toEqual([])
  expect(read(as('own'), as('own'), as('serve'))).toHaveLength(1)
  expect(read(as('admin'), as('own'), as('own'))).toHaveLength(1)
  expect(read(as('admin'), as('own', 'other'), as('serve'))).toHaveLength(1)
})

test('every variable of the stack has a description', () => {
  for (const { about } of Object.values(stackVariables)) expect(about).toMatch(/^[A-Z].*\.$/)
})
