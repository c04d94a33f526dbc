import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import {
  badInputs,
  DomainError,
  encodeEventData,
  maxFaults,
  requireEventTime,
  requireStorable,
  toFault,
  toPath,
  type Fault,
} from '@user-stats/core'
import { nearest } from './near-miss.ts'
import type { JsonSchema } from './rest-route.ts'

const options = { allErrors: true, useDefaults: true, strict: false } as const

function createAjv(extra: ConstructorParameters<typeof Ajv>[0]): Ajv {
  const ajv = new Ajv({ ...options, ...extra })
  // The package's types only describe its CommonJS default.
  ;(formats as unknown as (ajv: Ajv) => void)(ajv)
  return ajv
}

// JSON is typed; text (paths, queries, forms) has to be converted.
const exact = createAjv({})
const converting = createAjv({ coerceTypes: true })

/** Maximum unknown members to inspect: each is compared with ours. */
const maxUnknown = 1_000

export interface Checked {
  /** The value, with defaults, and text converted if requested. */
  readonly value: Record<string, unknown>
  readonly faults: readonly Fault[]
}

/** Validates a value and reports all faults. @throws BAD_USER_INPUT when it is invalid as a whole */
export type Check = (value: Record<string, unknown>) => Checked

export interface CheckOptions {
  /** Whether the values are text that must be converted. */
  readonly text: boolean
  /**
   * How to treat members that are not in the schema. One that resembles a missing member is always refused;
   * `any` accepts all others.
   */
  readonly others: 'refused' | 'ignored' | 'any'
}

export function compile(schema: JsonSchema, { text, others }: CheckOptions): Check {
  // Unknown members are checked below, up to a limit: there may be thousands.
  const validate: ValidateFunction = (text ? converting : exact).compile({
    ...schema,
    additionalProperties: true,
  })
  const names = Object.keys(schema['properties'] ?? {})
  const known = new Set(names)

  function unknownMembers(value: Record<string, unknown>): Fault[] {
    const missing = names.filter((name) => !Object.hasOwn(value, name))
    const faults: Fault[] = []
    for (const member of Object.keys(value)
      .filter((name) => !known.has(name))
      .slice(0, maxUnknown)) {
      const meant = nearest(member, missing)
      if (meant !== undefined) faults.push(toFault(toPath([member]), `is unknown. Did you mean ${meant}?`))
      else if (others === 'refused') faults.push(toFault(toPath([member]), 'is unknown. Remove it'))
      if (faults.length === maxFaults) break
    }
    return faults
  }

  return (value) => {
    // Before defaults are applied.
    const unknown = others === 'any' ? [] : unknownMembers(value)
    const valid = validate(value)
    const faults = [...(valid ? [] : withoutRepeats((validate.errors ?? []).map(faultOf))), ...unknown]
    // The graph checks its own rules only when the schema is satisfied.
    return { value, faults: faults.length === 0 ? faults : [...faults, ...ruleFaults(value, names, faults)] }
  }
}

/** Rules of the graph for members, by name. */
const memberRules: Readonly<Record<string, (value: unknown) => void>> = {
  data: (value) => {
    if (typeof value === 'object' && value !== null) encodeEventData(value)
  },
  occurred_at: (value) => {
    requireEventTime('occurred_at', new Date(value as string), new Date())
  },
}

/** The rules of the graph that the members break in which the schema finds no fault. */
function ruleFaults(
  value: Readonly<Record<string, unknown>>,
  names: readonly string[],
  faults: readonly Fault[],
): Fault[] {
  const isFaulty = (name: string) => faults.some(({ field }) => field.split(/[.[]/)[0] === name)
  return names
    .filter((name) => Object.hasOwn(value, name) && !isFaulty(name))
    .flatMap((name) => {
      try {
        if (typeof value[name] === 'string') requireStorable(name, value[name])
        memberRules[name]?.(value[name])
        return []
      } catch (error) {
        if (error instanceof DomainError) return error.faults
        throw error
      }
    })
}

/** @throws BAD_USER_INPUT with all faults */
export function requireValid({ value, faults }: Checked): Record<string, unknown> {
  if (faults.length > 0) throw badInputs(faults)
  return value
}

/** Our wording for rules of members where Ajv's message is unhelpful. */
const rules: ReadonlyMap<string, string> = new Map([
  ['data', 'must be a JSON object'],
  ['email', 'must be an address such as name@example.com'],
])

function faultOf({ instancePath, params, message = 'is not valid' }: ErrorObject): Fault {
  const { missingProperty: absent } = params as { readonly missingProperty?: string }
  const parts = instancePath.split('/').slice(1)
  if (absent !== undefined) return toFault(toPath([...parts, absent]), 'is required')
  return toFault(toPath(parts), rules.get(parts.at(-1) ?? '') ?? message)
}

/** Several keywords of a schema may report the same rule. */
const withoutRepeats = (faults: readonly Fault[]): readonly Fault[] => [
  ...new Map(faults.map((fault) => [fault.message, fault])).values(),
]
