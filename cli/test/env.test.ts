import { expect, test } from '@jest/globals'
import { EnvError } from '@user-stats/config'
import { readStackEnv, stackVariables } from '../src/env.ts'
import { readMigrateEnv } from '../src/migrate/env.ts'

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
      EVENT_HORIZON_DAYS: 's3cret',
      MASTER_KEY: 's3cret',
      USERS_DATABASE_URL: 's3cret',
      STACK_LOGS: 's3cret',
    }),
  )
  expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual(
    ['GATEWAY_PORT', 'EVENT_HORIZON_DAYS', 'MASTER_KEY', 'USERS_DATABASE_URL', 'STACK_LOGS'].sort(),
  )
  expect(faults.join()).not.toContain('s3cret')
})

test('two services cannot have one port, unless it is 0', () => {
  expect(faultsOf(() => readStackEnv({ GATEWAY_PORT: '8002' }))).toEqual([
    'EVENTS_PORT: the same as GATEWAY_PORT, expected another port',
  ])
  expect(faultsOf(() => readStackEnv({ GATEWAY_PORT: '0', EVENTS_PORT: '0' }))).toEqual([])
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

test('every variable of the stack says what it is for', () => {
  for (const { about } of Object.values(stackVariables)) expect(about).toMatch(/^[A-Z].*\.$/)
})
