import { standInEmail, type LegacyUser } from '@user-stats/users/legacy-import'
import type { UserRow } from './source.ts'

const cut = (value: string, max: number): string => Array.from(value).slice(0, max).join('')

/**
 * Converts a user. E-mail addresses stay unchanged, also invalid ones: old clients look users up by them.
 *
 * @param repaired called with each repair
 */
export function repairUser(row: UserRow, repaired: (what: string) => void): LegacyUser {
  const text = (field: string, value: string | null, max: number): string | null => {
    if (value === null) return null
    if (value.trim() === '') {
      repaired(`empty ${field} left out`)
      return null
    }
    if (value.length <= max || Array.from(value).length <= max) return value
    repaired(`${field} cut to ${String(max)} characters`)
    return cut(value, max)
  }
  const missing = [row.username, row.firstName, row.lastName].filter((value) => value === null).length
  if (missing > 0) repaired('null names kept as not given')
  return {
    id: row.id,
    email: emailOf(row, repaired),
    username: text('username', row.username, 100),
    firstName: text('first_name', row.firstName, 300),
    lastName: text('last_name', row.lastName, 300),
    phone: phoneOf(row, repaired),
    externalId: null,
  }
}

function emailOf({ id, email }: UserRow, repaired: (what: string) => void): string {
  if (email === null || email.trim() === '') {
    repaired('missing e-mail replaced by <id>@import.invalid')
    return standInEmail(id)
  }
  const characters = Array.from(email)
  if (characters.length > 254) {
    repaired('e-mail cut to 254 characters')
    return cut(email, 254)
  }
  if (!/^[^@]+@[^@]+$/.test(email.trim())) repaired('invalid e-mail kept as it was')
  return email
}

function phoneOf({ phone }: UserRow, repaired: (what: string) => void): number | null {
  if (phone === null || phone >= 1) return phone
  repaired('phone that is no number left out')
  return null
}
