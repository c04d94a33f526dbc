import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { graphVariables } from './graph-variables.ts'
import { kinds } from './kinds.ts'
import { loadVariables } from './load-variables.ts'
import { rateVariables } from './rate-variables.ts'
import { tlsVariables } from './tls-variables.ts'

export type RawEnv = Readonly<Record<string, string | undefined>>

/** What is wrong with the environment, all of it, one line a fault. */
export class EnvError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('; '))
    this.name = 'EnvError'
    this.faults = faults
  }
}

/** One variable: its schema, and what the README's table says of it. */
export interface Variable<T extends z.ZodType = z.ZodType> {
  readonly schema: T
  readonly about: string
  /** How the default reads in the table. */
  readonly default?: string
  readonly secret?: boolean
}

type Values<V extends Record<string, Variable>> = { readonly [K in keyof V]: z.output<V[K]['schema']> }

/**
 * Reads variables once. Each may also be given as a file, `NAME_FILE`, its trailing line break removed;
 * an empty variable counts as absent.
 *
 * @throws EnvError naming every variable that is wrong and what was expected, never a value
 */
export function readVariables<V extends Record<string, Variable>>(variables: V, env: RawEnv): Values<V> {
  const faults: string[] = []
  const values = Object.entries(variables).map(([name, { schema }]) => {
    const before = faults.length
    const raw = fromFile(name, env, faults)
    // One fault a variable: what could not be read is not also missing.
    if (faults.length > before) return [name, undefined] as const
    const parsed = schema.safeParse(raw)
    if (parsed.success) return [name, parsed.data] as const
    faults.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join(', ')}`)
    return [name, undefined] as const
  })
  if (faults.length > 0) throw new EnvError(faults)
  return Object.fromEntries(values) as Values<V>
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
  } catch {
    faults.push(`${name}_FILE: the file cannot be read`)
    return undefined
  }
}

/** Variables every service has. */
export const commonVariables = {
  HOST: { schema: kinds.text('127.0.0.1'), about: 'Address to listen on.', default: '127.0.0.1' },
  ...tlsVariables,
  LOG_LEVEL: {
    schema: kinds.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    about: 'Least severe log lines to write: fatal, error, warn, info, debug, trace, silent.',
    default: 'info',
  },
  BODY_LIMIT_BYTES: {
    schema: kinds.integer(1_024, 1_073_741_824, 16_777_216),
    about: 'Largest request body, in bytes.',
    default: '16777216',
  },
  REQUEST_TIMEOUT_MS: {
    schema: kinds.integer(100, 600_000, 20_000),
    about: 'Milliseconds after which a request is given up.',
    default: '20000',
  },
  ...loadVariables,
  ...graphVariables,
  ...rateVariables,
  SHUTDOWN_DELAY_MS: {
    schema: kinds.integer(0, 600_000, 0),
    about:
      'Milliseconds to go on answering while readiness says 503, once asked to stop: for load balancers to notice.',
    default: '0',
  },
  FAST_PATH: {
    schema: kinds.choice(['true', 'false', 'always'], 'true'),
    about:
      'Whether operations seen before take the short path past Apollo Server; `always` takes it from the first use on, for tests.',
    default: 'true',
  },
  CORS_ORIGINS: {
    schema: z
      .string()
      .default('')
      .transform((list) =>
        list
          .split(',')
          .map((origin) => origin.trim())
          .filter((origin) => origin !== ''),
      ),
    about: 'Origins whose pages may call the services, separated by commas.',
    default: '(none)',
  },
} as const satisfies Record<string, Variable>
