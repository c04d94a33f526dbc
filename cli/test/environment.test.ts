import { expect, test } from '@jest/globals'
import { definitions } from '../src/services/definitions.ts'
import { environmentOf } from '../src/services/environment.ts'
import { reasonIn } from '../src/services/reason.ts'

const given = {
  PATH: '/bin',
  NODE_OPTIONS: '--max-old-space-size=512',
  LOG_LEVEL: 'warn',
  MASTER_KEY_FILE: '/run/master-key',
  ADMIN_API_KEY: 'admin',
  USERS_DATABASE_URL_FILE: '/run/users-url',
  EVENTS_OWNER_URL: 'postgresql://owner@db/events',
  USERS_URL: 'http://elsewhere',
  OTHER_URL: 'http://other/graphql',
  DATABASE_URL: 'postgresql://someone@db/else',
  AWS_SECRET_ACCESS_KEY: 'theirs',
}
const decided = {
  USERS_PORT: '1',
  USERS_URL: 'http://127.0.0.1:1',
  USERS_DATABASE_URL: 'postgresql://u@db/users',
  EVENTS_DATABASE_URL: 'postgresql://e@db/events',
  MASTER_KEY: undefined,
}
const environment = (name: string) => {
  const definition = definitions.find((candidate) => candidate.name === name)
  if (!definition) throw new Error(name)
  return environmentOf(definition, given, decided)
}

test('a service receives its documented variables and no secret of another', () => {
  const ambient = { PATH: given.PATH, NODE_OPTIONS: given.NODE_OPTIONS, LOG_LEVEL: 'warn' }
  expect(environment('users')).toEqual({
    ...ambient,
    MASTER_KEY_FILE: '/run/master-key',
    ADMIN_API_KEY: 'admin',
    USERS_PORT: '1',
    USERS_DATABASE_URL: decided.USERS_DATABASE_URL,
  })
  expect(environment('events')).toEqual({
    ...ambient,
    USERS_URL: decided.USERS_URL,
    EVENTS_DATABASE_URL: decided.EVENTS_DATABASE_URL,
  })
  expect(environment('gateway')).toEqual({
    ...ambient,
    USERS_URL: decided.USERS_URL,
    OTHER_URL: given.OTHER_URL,
  })
})

test.each([
  ['events: port 1 is in use.\n', 'events: port 1 is in use.'],
  [
    'file:///x.ts:3\nthrow new Error()\n^\n\nTypeError: no such thing\n    at x.ts:3\n\nNode.js v24\n',
    'TypeError: no such thing',
  ],
  ['\n', undefined],
])('the last output is reduced to the line with the reason: %j', (words, reason) => {
  expect(reasonIn(words)).toBe(reason)
})
