import { badInput, parseDataPath, type DataPath } from '@user-stats/core'
import type { JsonScalar } from '@user-stats/graphql'
import { requireText } from '../../event/validation.ts'
import type { Parameters } from './sql-parameters.ts'

/** A condition on one value of `data`, as sent by a caller. */
export interface DataConditionInput {
  readonly path: string
  readonly equals?: JsonScalar | undefined
  readonly in?: readonly (JsonScalar | undefined)[] | null | undefined
  readonly greaterThan?: number | null | undefined
  readonly greaterOrEqual?: number | null | undefined
  readonly lessThan?: number | null | undefined
  readonly lessOrEqual?: number | null | undefined
  readonly exists?: boolean | null | undefined
}

/** A valid condition. */
export interface DataCondition extends DataConditionInput {
  /** The field that names it. */
  readonly field: string
  readonly steps: DataPath
}

const maxConditions = 20
export const maxListed = 100

/** @throws BAD_USER_INPUT */
export function parseConditions(
  field: string,
  inputs: readonly DataConditionInput[] | null | undefined,
): DataCondition[] {
  if ((inputs?.length ?? 0) > maxConditions)
    throw badInput(field, `must be at most ${String(maxConditions)} conditions`)
  return (inputs ?? []).map((input) => {
    const texts = [input.equals, ...(input.in ?? [])].filter((value) => typeof value === 'string')
    for (const text of texts) if (text !== '') requireText(field, text, 65_536)
    if ((input.in?.length ?? 0) > maxListed)
      throw badInput(field, `must not list more than ${String(maxListed)} values`)
    const tests = Object.entries(input).filter(([name, value]) => name !== 'path' && value != null)
    if (tests.length === 0) throw badInput(field, 'must have a condition: equals, in, exists, or a bound')
    return { ...input, field, steps: parseDataPath(field, input.path) }
  })
}

const comparisons = [
  ['greaterThan', '>'],
  ['greaterOrEqual', '>='],
  ['lessThan', '<'],
  ['lessOrEqual', '<='],
] as const

/** The value at a path of `data`, as SQL: NULL when there is none. */
export const valueAt = (path: DataPath, { add }: Parameters): string => `(data #> ${add(path)}::text[])`

/** Conditions as SQL on a row of `events`; without any: true. */
export function conditionsSql(conditions: readonly DataCondition[], parameters: Parameters): string[] {
  const { add } = parameters
  return conditions.flatMap((condition) => {
    const value = valueAt(condition.steps, parameters)
    return [
      ...(condition.equals == null ? [] : [`${value} = ${add(JSON.stringify(condition.equals))}::jsonb`]),
      ...(condition.in == null
        ? []
        : [`${value} = ANY (${add(condition.in.map((one) => JSON.stringify(one ?? null)))}::jsonb[])`]),
      ...(condition.exists == null ? [] : [`${value} IS ${condition.exists ? 'NOT ' : ''}NULL`]),
      ...comparisons.flatMap(([name, operator]) => {
        const bound = condition[name]
        return bound == null ? [] : [`${numberSql(value)} ${operator} ${add(String(bound))}::numeric`]
      }),
    ]
  })
}

/** A JSON value as a number; NULL if it is not one. CASE fixes the order of the tests. */
export const numberSql = (value: string): string =>
  `CASE WHEN jsonb_typeof(${value}) = 'number' THEN ${value}::numeric END`
