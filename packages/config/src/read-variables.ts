import { readFileSync } from 'node:fs'
import type { z } from 'zod'

export type RawEnv = Readonly<Record<string, string | undefined>>

/** All faults of the environment, one line each. */
export class EnvError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('; '))
    this.name = 'EnvError'
    this.faults = faults
  }
}

/** One variable: its schema, and its text in docs/configuration.md. */
export interface Variable<T extends z.ZodType = z.ZodType> {
  readonly schema: T
  readonly about: string
  /** The default as shown in the table. */
  readonly default?: string
  readonly secret?: boolean
  /** For tests only: omitted from the table. */
  readonly onlyTests?: boolean
}

export type Values<V extends Record<string, Variable>> = { readonly [K in keyof V]: z.output<V[K]['schema']> }

/**
 * Parses variables once. Each may also be given as a file, `NAME_FILE`, whose trailing line break is removed;
 * an empty
 * an empty variable counts as absent.
 *
 * @throws EnvError naming every invalid variable and what was expected, never a value
 */
export function readVariables<V extends Record<string, Variable>>(variables: V, env: RawEnv): Values<V> {
  const { values, faults } = checkVariables(variables, env)
  if (faults.length > 0) throw new EnvError(faults)
  return values as Values<V>
}

/** For callers with further checks: invalid values are undefined. */
export function checkVariables<V extends Record<string, Variable>>(
  variables: V,
  env: RawEnv,
): { readonly values: Partial<Values<V>>; readonly faults: readonly string[] } {
  const faults: string[] = []
  const values = Object.entries(variables).map(([name, { schema }]) => {
    const before = faults.length
    const raw = fromFile(name, env, faults)
    // One fault per variable: an unreadable one is not reported as missing too.
    if (faults.length > before) return [name, undefined] as const
    const parsed = schema.safeParse(raw)
    if (parsed.success) return [name, parsed.data] as const
    faults.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join(', ')}`)
    return [name, undefined] as const
  })
  return { values: Object.fromEntries(values) as Partial<Values<V>>, faults }
}

function fromFile(name: string, env: RawEnv, faults: string[]): string | undefined {
  const value = env[name] === '' ? undefined : env[name]
  const file = env[`${name}_FILE`]
  if (file === undefined || file === '') return value
  if (value !== undefined) {
    faults.push(`${name} and ${name}_FILE: set one of them, not both`)
    return value
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    faults.push(`${name}_FILE: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? ''})`)
    return undefined
  }
}
