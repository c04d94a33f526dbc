import type { Pool } from 'pg'
import { aggregateScope, badInput, type Caller } from '@user-stats/core'
import type { Access } from '../access/access.service.ts'
import { disclosureOf } from '../analytics/privacy/small-cell-suppression.ts'
import { requireText } from '../event/validation.ts'
import type { StoreRef } from '../store/store.ts'

/** The days of an aggregate, newest first. */
export interface DaysRequest {
  /** First UTC day, inclusive. */
  readonly from?: string | null
  /** Last UTC day, exclusive. */
  readonly to?: string | null
  readonly offset: number
  readonly limit: number
}

export interface DailyAmount {
  readonly date: string
  /** Null when it counts too few users to be shown to the caller. */
  readonly eventAmount: number | null
}

export interface DailyAverage {
  readonly date: string
  /** Null when it counts too few users to be shown to the caller. */
  readonly eventAverage: number | null
}

export interface TypeAmount {
  readonly type: string
  /** Null when it counts too few users to be shown to the caller. */
  readonly eventAmount: number | null
}

export interface EventTypeSummary {
  readonly type: string
  readonly events: number
  readonly firstSeen: string
  readonly lastSeen: string
}

interface TotalRow {
  readonly date: string
  readonly events: string | null
  readonly users: string | null
}

const maxRows = 10_000
const maxOffset = 2_147_483_647

function checkRange({ from, to, offset, limit }: DaysRequest): void {
  if (limit < 0 || limit > maxRows) throw badInput('limit', 'must be 0 to 10,000')
  if (offset < 0 || offset > maxOffset) throw badInput('offset', 'must be 0 or more')
  if (from != null && to != null && from > to) throw badInput('to', 'must not be before from')
}

export type Aggregates = ReturnType<typeof createAggregates>

export interface AggregatesOptions {
  readonly pool: Pool
  readonly access: Access
  /** Analysts see no cells with fewer distinct users. */
  readonly minCohort: number
}

/** The rows of the totals that count for a caller, as SQL after an aggregate function. */
const countedSql = (least: number | null): string =>
  least === null ? '' : `FILTER (WHERE users >= ${String(least)})`

const numberOf = (count: string | null): number | null => (count === null ? null : Number(count))

/**
 * Aggregates per UTC day. They read rollups only: their cost depends on the number of days, not of events.
 */
export function createAggregates({ pool, access, minCohort }: AggregatesOptions) {
  const leastFor = (caller: Caller): number | null => disclosureOf(caller, minCohort)?.least ?? null

  /** Totals per day, of one type or of all, of one store or (null) summed over all. */
  async function totals(
    caller: Caller,
    storeId: number | null | undefined,
    type: string | null,
    range: DaysRequest,
  ): Promise<readonly TotalRow[]> {
    const scope = aggregateScope(caller, storeId)
    checkRange(range)
    if (type !== null) requireText('type', type, 128)
    await access.assertActive(caller, scope)
    const least = leastFor(caller)
    const counted = countedSql(least)
    const { rows } = await pool.query<TotalRow>({
      // Unnamed, so that it is planned for these values and unused conditions are removed.
      text: `SELECT day::text AS date, sum(events) ${counted} AS events, sum(users) ${counted} AS users
             FROM ${type === null && least === null ? 'day_totals' : 'type_day_totals'}
             WHERE ($1::int IS NULL OR store_id = $1)
               AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day < $3)
               ${type === null ? '' : 'AND type = $6'}
             GROUP BY day ORDER BY day DESC OFFSET $4 LIMIT $5`,
      values: [
        scope,
        range.from ?? null,
        range.to ?? null,
        range.offset,
        range.limit,
        ...(type === null ? [] : [type]),
      ],
    })
    return rows
  }

  const toAmount = ({ date, events }: TotalRow): DailyAmount => ({ date, eventAmount: numberOf(events) })

  return {
    /** @throws UNAUTHENTICATED, FORBIDDEN unless the caller may read aggregates of the store */
    storeReference(caller: Caller, id: number): StoreRef {
      aggregateScope(caller, id)
      return { id }
    },

    /** Events of a type per day. */
    eventAmount: async (
      caller: Caller,
      storeId: number | null | undefined,
      type: string,
      range: DaysRequest,
    ): Promise<DailyAmount[]> => (await totals(caller, storeId, type, range)).map(toAmount),

    /** Events of a type divided by the distinct users who had one, per day. */
    eventAverage: async (
      caller: Caller,
      storeId: number | null | undefined,
      type: string,
      range: DaysRequest,
    ): Promise<DailyAverage[]> =>
      (await totals(caller, storeId, type, range)).map(({ date, events, users }) => ({
        date,
        eventAverage: events === null ? null : Number(events) / Number(users),
      })),

    /** All events of a store per day; with a type, that type's. */
    storeEventAmount: async (
      caller: Caller,
      storeId: number | null | undefined,
      type: string | null,
      range: DaysRequest,
    ): Promise<DailyAmount[]> => (await totals(caller, storeId, type, range)).map(toAmount),

    /** The types of events; without those of too few users. */
    async eventTypes(
      caller: Caller,
      storeId: number | null | undefined,
      range: DaysRequest,
    ): Promise<EventTypeSummary[]> {
      const scope = aggregateScope(caller, storeId)
      checkRange(range)
      await access.assertActive(caller, scope)
      const { rows } = await pool.query<{ type: string; events: string; first: string; last: string }>({
        text: `SELECT type, sum(events) AS events, min(day)::text AS first, max(day)::text AS last
               FROM type_day_totals
               WHERE ($1::int IS NULL OR store_id = $1)
                 AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day < $3) AND users >= $6
               GROUP BY type ORDER BY 2 DESC, type OFFSET $4 LIMIT $5`,
        values: [
          scope,
          range.from ?? null,
          range.to ?? null,
          range.offset,
          range.limit,
          leastFor(caller) ?? 0,
        ],
      })
      return rows.map(({ type, events, first, last }) => ({
        type,
        events: Number(events),
        firstSeen: first,
        lastSeen: last,
      }))
    },

    /** The types with the most events. */
    async topEventTypes(
      caller: Caller,
      storeId: number | null | undefined,
      range: DaysRequest,
    ): Promise<TypeAmount[]> {
      const scope = aggregateScope(caller, storeId)
      checkRange(range)
      await access.assertActive(caller, scope)
      const { rows } = await pool.query<{ type: string; events: string | null }>({
        text: `SELECT type, sum(events) ${countedSql(leastFor(caller))} AS events FROM type_day_totals
               WHERE ($1::int IS NULL OR store_id = $1)
                 AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day < $3)
               GROUP BY type ORDER BY 2 DESC NULLS LAST, type OFFSET $4 LIMIT $5`,
        values: [scope, range.from ?? null, range.to ?? null, range.offset, range.limit],
      })
      return rows.map(({ type, events }) => ({ type, eventAmount: numberOf(events) }))
    },
  }
}
