import { aggregateScope, badInput, type Caller } from '@user-stats/core'
import type { Disclosure } from '../privacy/small-cell-suppression.ts'
import { requireText } from '../../event/validation.ts'
import type { AnalystPaths } from './analyst-paths.ts'
import {
  conditionsSql,
  maxListed,
  parseConditions,
  type DataCondition,
  type DataConditionInput,
} from './conditions.ts'
import type { Parameters } from './sql-parameters.ts'

/** A filter for events, as sent by a caller. */
export interface EventFilter {
  readonly storeId?: number | null | undefined
  readonly storeIds?: readonly number[] | null | undefined
  readonly types?: readonly string[] | null | undefined
  readonly from?: Date | null | undefined
  readonly fromDay?: string | null | undefined
  readonly to?: Date | null | undefined
  readonly toDay?: string | null | undefined
  readonly data?: readonly DataConditionInput[] | null | undefined
}

/** The part of a filter that concerns events, not time. */
export interface EventSelection {
  /** The stores, or (null) all of them. */
  readonly stores: readonly number[] | null
  /** The types, sorted and unique, or (null) all of them. */
  readonly types: readonly string[] | null
  readonly conditions: readonly DataCondition[]
  /** The rule for small cells; null: everything is shown. */
  readonly disclosure: Disclosure | null
  /** The paths open to the analyst, for queries on `data`. */
  readonly analystPaths: AnalystPaths
}

/**
 * The stores of a query.
 *
 * @throws UNAUTHENTICATED, FORBIDDEN for other stores than the caller may see, BAD_USER_INPUT
 */
export function storesOf(caller: Caller, { storeId, storeIds }: EventFilter): readonly number[] | null {
  if (storeIds == null) {
    const scope = aggregateScope(caller, storeId)
    return scope === null ? null : [scope]
  }
  aggregateScope(caller)
  if (storeId != null) throw badInput('filter.storeIds', 'must not be given together with storeId')
  if (storeIds.length === 0 || storeIds.length > maxListed)
    throw badInput('filter.storeIds', `must be 1 to ${String(maxListed)} stores`)
  for (const id of storeIds) aggregateScope(caller, id)
  return [...new Set(storeIds)].sort((a, b) => a - b)
}

/** @throws BAD_USER_INPUT */
export function parseTypes(
  field: string,
  types: readonly string[] | null | undefined,
): readonly string[] | null {
  if (types == null) return null
  if (types.length === 0 || types.length > maxListed)
    throw badInput(field, `must be 1 to ${String(maxListed)} types`)
  for (const type of types) requireText(field, type, 128)
  return [...new Set(types)].sort()
}

/** The part of a selection that needs no database. @throws BAD_USER_INPUT */
export const parseSelection = (
  stores: readonly number[] | null,
  filter: EventFilter,
  disclosure: Disclosure | null,
): Omit<EventSelection, 'analystPaths'> => ({
  disclosure,
  stores,
  types: parseTypes('filter.types', filter.types),
  conditions: parseConditions('filter.data', filter.data),
})

/**
 * Stores and types as SQL, for every table with these columns. A single store uses `=`, which is planned
 * best.
 */
export function scopeSql(
  { stores, types }: Pick<EventSelection, 'stores' | 'types'>,
  { add }: Parameters,
): string[] {
  const among = (column: string, cast: string, wanted: readonly unknown[] | null): string[] => {
    if (wanted === null) return []
    return wanted.length === 1
      ? [`${column} = ${add(wanted[0])}::${cast}`]
      : [`${column} = ANY (${add(wanted)}::${cast}[])`]
  }
  return [...among('store_id', 'int', stores), ...among('type', 'text', types)]
}

/** A whole selection and a range of instants as SQL on `events`. */
export const eventsSql = (
  selection: EventSelection,
  from: number,
  to: number,
  parameters: Parameters,
): string[] => [
  ...scopeSql(selection, parameters),
  `occurred_at >= ${parameters.add(instant(from))}::timestamptz`,
  `occurred_at < ${parameters.add(instant(to))}::timestamptz`,
  ...conditionsSql(selection.conditions, parameters),
]

/** Milliseconds since 1970 as PostgreSQL reads them. */
export const instant = (ms: number): string => new Date(ms).toISOString()
