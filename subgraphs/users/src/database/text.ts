import { badInput } from '@user-stats/core'

/**
 * Validates a text of 1 to `max` characters that PostgreSQL and JSON can store unchanged, as the events
 * service does.
 *
 * @throws BAD_USER_INPUT
 */
export function requireStorableText(field: string, value: string, max: number): string {
  if (value.includes('\0') || !value.isWellFormed())
    throw badInput(field, 'must not contain NUL or unpaired surrogates')
  // Counts characters, not UTF-16 units; a text of few units needs no counting.
  if (value === '' || value.length > 2 * max || (value.length > max && Array.from(value).length > max))
    throw badInput(field, `must have 1 to ${String(max)} characters`)
  return value
}

/** Validates a text that is not blank either. @throws BAD_USER_INPUT */
export function requireText(field: string, value: string, max: number): string {
  if (value.trim() === '') throw badInput(field, 'must not be empty')
  return requireStorableText(field, value, max)
}
