import { badInput, requireAll } from '@user-stats/core'
import { requireText } from '../../database/text.ts'
import type { Person } from '../../vault/vault.ts'

const maxPhone = 999_999_999_999_999

/** A new user, as sent by a store. Absent and null are the same. */
export type PersonInput = Pick<Person, 'email'> & {
  readonly [K in Exclude<keyof Person, 'email'>]?: Person[K] | undefined
}

/** Changes of a user. Absent fields stay; null is not a value. */
export type PersonChanges = { readonly [K in keyof Person]?: Person[K] | null | undefined }

type Given<K extends keyof Person> = NonNullable<Person[K]>

const rules: { readonly [K in keyof Person]: (value: Given<K>) => Given<K> } = {
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
  externalId: (value) => requireText('externalId', value, 128),
}

const optional = <K extends Exclude<keyof Person, 'email'>>(field: K, value: Person[K] | undefined) =>
  value == null ? null : rules[field](value)

/** @throws BAD_USER_INPUT naming each invalid member */
export function requirePerson(input: PersonInput): Person {
  const { email, username = null, firstName = null, lastName = null, phone = null, externalId = null } = input
  requireAll(
    () => rules.email(email),
    () => optional('username', username),
    () => optional('firstName', firstName),
    () => optional('lastName', lastName),
    () => optional('phone', phone),
    () => optional('externalId', externalId),
  )
  return { email, username, firstName, lastName, phone, externalId }
}

function changeOf<K extends keyof Person>(field: K, value: Person[K] | null | undefined): Partial<Person> {
  if (value === undefined) return {}
  if (value === null) throw badInput(field, 'must not be null. Leave it out to keep it as it is')
  return { [field]: rules[field](value) }
}

/** @throws BAD_USER_INPUT naming each invalid member */
export function requireChanges(changes: PersonChanges): Partial<Person> {
  const found: Partial<Person>[] = []
  requireAll(
    ...(Object.keys(rules) as (keyof Person)[]).map((field) => () => {
      found.push(changeOf(field, changes[field]))
    }),
  )
  return Object.assign({}, ...found) as Partial<Person>
}
