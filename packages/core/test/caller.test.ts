import { expect, test } from '@jest/globals'
import { DomainError } from '../src/errors/domain-error.ts'
import {
  aggregateScope,
  listableStores,
  mayReadTenant,
  nobody,
  requireAdmin,
  requireService,
  storeOf,
  tenantOf,
  tenantsOf,
  type Caller,
} from '../src/auth/caller.ts'

const callers = {
  nobody,
  store: { role: 'STORE', keyId: 'k1', storeId: 1 },
  'analyst of a store': { role: 'ANALYST', keyId: 'k2', storeId: 1 },
  'analyst of all': { role: 'ANALYST', keyId: 'k3', storeId: undefined },
  admin: { role: 'ADMIN', keyId: 'k4' },
  service: { role: 'SERVICE', service: 'users' },
} as const satisfies Record<string, Caller>

type Answers = Readonly<Record<keyof typeof callers, unknown>>
const refusals = (code: string) => ({ nobody: 'UNAUTHENTICATED', service: code })

/** Each rule, and what it answers each caller: a value, or the code of its refusal. */
const rules: Record<string, { ask: (caller: Caller) => unknown; answers: Answers }> = {
  'users and raw events, no store named': {
    ask: (caller) => tenantOf(caller),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 'BAD_USER_INPUT',
    },
  },
  'users and raw events of store 1': {
    ask: (caller) => tenantOf(caller, 1),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 1,
    },
  },
  'users and raw events of store 2': {
    ask: (caller) => tenantOf(caller, 2),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 2,
    },
  },
  'where users are looked for': {
    ask: tenantsOf,
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: null,
    },
  },
  'sees a user of store 1': {
    ask: (caller) => mayReadTenant(caller, 1),
    answers: {
      nobody: false,
      store: true,
      'analyst of a store': false,
      'analyst of all': false,
      admin: true,
      service: false,
    },
  },
  'sees a user of store 2': {
    ask: (caller) => mayReadTenant(caller, 2),
    answers: {
      nobody: false,
      store: false,
      'analyst of a store': false,
      'analyst of all': false,
      admin: true,
      service: false,
    },
  },
  'aggregates, no store named': {
    ask: (caller) => aggregateScope(caller),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 1,
      'analyst of all': null,
      admin: null,
    },
  },
  'aggregates of store 1': {
    ask: (caller) => aggregateScope(caller, 1),
    answers: { ...refusals('FORBIDDEN'), store: 1, 'analyst of a store': 1, 'analyst of all': 1, admin: 1 },
  },
  'aggregates of store 2': {
    ask: (caller) => aggregateScope(caller, 2),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 2,
      admin: 2,
    },
  },
  'names of stores': {
    ask: listableStores,
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 1,
      'analyst of all': null,
      admin: null,
    },
  },
  'stores, keys, audit': {
    ask: requireAdmin,
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: undefined,
    },
  },
  'what services tell each other': {
    ask: requireService,
    answers: {
      ...refusals(''),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 'FORBIDDEN',
      service: undefined,
    },
  },
  'the store it is tied to': {
    ask: storeOf,
    answers: {
      nobody: undefined,
      store: 1,
      'analyst of a store': 1,
      'analyst of all': undefined,
      admin: undefined,
      service: undefined,
    },
  },
}

const cases = Object.entries(rules).flatMap(([rule, { ask, answers }]) =>
  Object.entries(callers).map(([who, caller]) => ({
    rule,
    who,
    ask: () => ask(caller),
    answer: answers[who as keyof Answers],
  })),
)

test.each(cases)('$rule: $who is answered $answer', ({ ask, answer }) => {
  const answered = (() => {
    try {
      return ask()
    } catch (error) {
      if (error instanceof DomainError) return error.code
      throw error
    }
  })()
  expect(answered).toBe(answer)
})

test('an admin who names no store is told which member to give', () => {
  expect(() => tenantOf(callers.admin, null, 'store_id')).toThrow(
    'store_id: is required: an admin belongs to no store',
  )
})
