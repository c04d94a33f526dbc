import { expect, test } from '@jest/globals'
import { DomainError } from '../src/errors/domain-error.ts'
import {
  aggregateScope,
  anonymous,
  listableStores,
  mayReadTenant,
  requireAdmin,
  requireService,
  storeOf,
  tenantOf,
  tenantsOf,
  type Caller,
} from '../src/auth/caller.ts'

const callers = {
  anonymous,
  store: { role: 'STORE', keyId: 'k1', storeId: 1 },
  'analyst of a store': { role: 'ANALYST', keyId: 'k2', storeId: 1 },
  'analyst of all': { role: 'ANALYST', keyId: 'k3', storeId: undefined },
  admin: { role: 'ADMIN', keyId: 'k4' },
  service: { role: 'SERVICE', service: 'users' },
} as const satisfies Record<string, Caller>

type Answers = Readonly<Record<keyof typeof callers, unknown>>
const refusals = (code: string) => ({ anonymous: 'UNAUTHENTICATED', service: code })

/** Each rule, and its result for each caller: a value, or the error code. */
const rules: Record<string, { evaluate: (caller: Caller) => unknown; answers: Answers }> = {
  'users and raw events, no store named': {
    evaluate: (caller) => tenantOf(caller),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 'BAD_USER_INPUT',
    },
  },
  'users and raw events of store 1': {
    evaluate: (caller) => tenantOf(caller, 1),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 1,
    },
  },
  'users and raw events of store 2': {
    evaluate: (caller) => tenantOf(caller, 2),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 2,
    },
  },
  'stores searched for users': {
    evaluate: tenantsOf,
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: null,
    },
  },
  'may read a user of store 1': {
    evaluate: (caller) => mayReadTenant(caller, 1),
    answers: {
      anonymous: false,
      store: true,
      'analyst of a store': false,
      'analyst of all': false,
      admin: true,
      service: false,
    },
  },
  'may read a user of store 2': {
    evaluate: (caller) => mayReadTenant(caller, 2),
    answers: {
      anonymous: false,
      store: false,
      'analyst of a store': false,
      'analyst of all': false,
      admin: true,
      service: false,
    },
  },
  'aggregates, no store named': {
    evaluate: (caller) => aggregateScope(caller),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 1,
      'analyst of a store': 1,
      'analyst of all': null,
      admin: null,
    },
  },
  'aggregates of store 1': {
    evaluate: (caller) => aggregateScope(caller, 1),
    answers: { ...refusals('FORBIDDEN'), store: 1, 'analyst of a store': 1, 'analyst of all': 1, admin: 1 },
  },
  'aggregates of store 2': {
    evaluate: (caller) => aggregateScope(caller, 2),
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 2,
      admin: 2,
    },
  },
  'names of stores': {
    evaluate: listableStores,
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 1,
      'analyst of all': null,
      admin: null,
    },
  },
  'stores, keys, audit': {
    evaluate: requireAdmin,
    answers: {
      ...refusals('FORBIDDEN'),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: undefined,
    },
  },
  'requests between services': {
    evaluate: requireService,
    answers: {
      ...refusals(''),
      store: 'FORBIDDEN',
      'analyst of a store': 'FORBIDDEN',
      'analyst of all': 'FORBIDDEN',
      admin: 'FORBIDDEN',
      service: undefined,
    },
  },
  'the store of the caller': {
    evaluate: storeOf,
    answers: {
      anonymous: undefined,
      store: 1,
      'analyst of a store': 1,
      'analyst of all': undefined,
      admin: undefined,
      service: undefined,
    },
  },
}

const cases = Object.entries(rules).flatMap(([rule, { evaluate, answers }]) =>
  Object.entries(callers).map(([who, caller]) => ({
    rule,
    who,
    evaluate: () => evaluate(caller),
    answer: answers[who as keyof Answers],
  })),
)

test.each(cases)('$rule: $who is answered $answer', ({ evaluate, answer }) => {
  const answered = (() => {
    try {
      return evaluate()
    } catch (error) {
      if (error instanceof DomainError) return error.code
      throw error
    }
  })()
  expect(answered).toBe(answer)
})

test('an admin who names no store gets an error that names the missing member', () => {
  expect(() => tenantOf(callers.admin, null, 'store_id')).toThrow(
    'store_id: is required: an admin belongs to no store',
  )
})
