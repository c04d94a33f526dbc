import { badInput } from '@user-stats/core'
import { requireText } from '../../database/text.ts'
import type { Person } from '../../vault/vault.ts'

const maxPhone = 999_999_999_999_999

/** What may be changed of a user. Absent stays; null is not a value. */
export type PersonChanges = { readonly [K in keyof Person]?: Person[K] | null | undefined }

const rules: { readonly [K in keyof Person]: (value: Person[K]) => Person[K] } = {
  email(value) {
    requireText('email', value, 254)
    const [local = '', domain = '', ...more] = value.trim().split('@')
    if (local === '' || domain === '' || more.length > 0)
      throw badInput('email', 'must be an address such as name@example.com')
    return value
  },
  username: (value) => requireText('username', value, 100),
  firstName: (value) => requireText('firstName', value, 300),
  lastName: (value) => requireText('lastName', value, 300),
  phone(value) {
    if (!Number.isInteger(value) || value < 1 || value > maxPhone)
      throw badInput('phone', `must be a whole number from 1 to ${String(maxPhone)}`)
    return value
  },
}

/** @throws BAD_USER_INPUT */
export const requirePerson = ({ email, username, firstName, lastName, phone }: Person): Person => ({
  email: rules.email(email),
  username: rules.username(username),
  firstName: rules.firstName(firstName),
  lastName: rules.lastName(lastName),
  phone: rules.phone(phone),
})

function changeOf<K extends keyof Person>(field: K, value: Person[K] | null | undefined): Partial<Person> {
  if (value === undefined) return {}
  if (value === null) throw badInput(field, 'must not be null. Leave it out to keep it as it is')
  return { [field]: rules[field](value) }
}

/** @throws BAD_USER_INPUT */
export const requireChanges = (changes: PersonChanges): Partial<Person> => ({
  ...changeOf('email', changes.email),
  ...changeOf('username', changes.username),
  ...changeOf('firstName', changes.firstName),
  ...changeOf('lastName', changes.lastName),
  ...changeOf('phone', changes.phone),
})
