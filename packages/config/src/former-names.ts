import type { RawEnv } from './read-variables.ts'

/** Variables that were renamed. The former name works in this version and is dropped in the next. */
export const formerNames: Readonly<Record<string, string>> = { RATE_LIMIT_STRANGERS: 'RATE_LIMIT_ANONYMOUS' }

const variants = Object.entries(formerNames).flatMap(([former, name]) => [
  [former, name] as const,
  [`${former}_FILE`, `${name}_FILE`] as const,
])

/** The environment under its present names, and a sentence about each former name in it. */
export function acceptFormerNames(env: RawEnv): { env: RawEnv; warnings: readonly string[] } {
  const given = variants.filter(([former]) => env[former] !== undefined)
  const renamed = given.flatMap(([former, name]) => (env[name] === undefined ? [[name, env[former]]] : []))
  return {
    env: { ...env, ...(Object.fromEntries(renamed) as RawEnv) },
    warnings: given.map(
      ([former, name]) => `${former} is now called ${name}. The former name works in this version only.`,
    ),
  }
}
