import { distance } from 'fastest-levenshtein'
import { formerNames } from './former-names.ts'
import type { RawEnv } from './read-variables.ts'

/** Variables of other programs: npm, Node, OpenSSL, PostgreSQL. */
const foreign = /^(?:npm_|NODE_|SSL_CERT_(?:FILE|DIR)$|PG)/i

/**
 * Warnings about variables that are not ours but resemble one: they are ignored, and the intended variable
 * has its default.
 *
 * @param known names of our variables
 */
export function nearMisses(env: RawEnv, known: readonly string[]): readonly string[] {
  const own = new Set([...known, ...formerNames].flatMap((name) => [name, `${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => !own.has(name) && !foreign.test(name))
    .flatMap((name) => {
      const suffix = /_FILE$/i.test(name) ? '_FILE' : ''
      const meant = nearest(name.slice(0, name.length - suffix.length), known)
      return meant === undefined ? [] : [`${name} is ignored: did you mean ${meant}${suffix}?`]
    })
    .sort()
}

/** The name that was probably intended: at most two edits away, one if it is short. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [closest] = known
    .map((candidate) => ({ candidate, away: distance(name.toUpperCase(), candidate.toUpperCase()) }))
    .filter(({ candidate, away }) => away <= (candidate.length < 6 ? 1 : 2))
    .sort((a, b) => a.away - b.away)
  return closest?.candidate
}
