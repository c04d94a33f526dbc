import { badInput } from '@user-stats/core'

const plural = (max: number): string => `must have 1 to ${String(max)} characters`

/**
 * Validates a text that is not blank and that PostgreSQL and JSON can store unchanged.
 *
 * @throws BAD_USER_INPUT
 */
export function requireText(field: string, value: string, max: number): string {
  if (value.trim() === '') throw badInput(field, 'must not be empty')
  // Counts characters, not UTF-16 units; a text of few units needs no counting.
  if (value.length > 2 * max || (value.length > max && Array.from(value).length > max))
    throw badInput(field, plural(max))
  if (value.includes('\0')) throw badInput(field, 'must not contain the character NUL')
  if (!value.isWellFormed()) throw badInput(field, 'must be valid Unicode, without lone surrogates')
  return value
}
