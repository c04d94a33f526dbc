import { badInput } from '@user-stats/core'

const isKnown = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/**
 * Accepts region names of the IANA database, and UTC. Offsets (`+01:00`) and old names without a slash are
 * refused: PostgreSQL reads `CET` as an abbreviation without summer time.
 *
 * @throws BAD_USER_INPUT; PostgreSQL may still not know an accepted name
 */
export function requireTimeZone(name: string): string {
  if (name === 'UTC') return name
  if (/^[A-Za-z][\w+-]*(?:\/[A-Za-z][\w+-]*)+$/.test(name) && name.length <= 64 && isKnown(name)) return name
  throw unknownTimeZone()
}

export const unknownTimeZone = () =>
  badInput('timeZone', 'must be a name of the IANA time zone database such as Europe/Berlin, or UTC')
