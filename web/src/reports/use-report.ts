import { useCallback } from 'react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { EventDataConditionInput, EventFilterInput } from '../../generated/graph/graphql.ts'
import { useSession } from '../session/session.ts'
import { defaultGranularity, rangeOf, todayIn, type DayRange, type Granularity } from './range.ts'
import { isTimeZone, parseReportSearch, type Filter, type ReportSearch } from './search.ts'

const browserZone = new Intl.DateTimeFormat().resolvedOptions().timeZone

/** The browser's time zone, unless it is one that the graph may not know. */
export const defaultTimeZone = isTimeZone(browserZone) ? browserZone : 'UTC'

/** What a report shows, as its address says, and how to change it. */
export interface Report {
  readonly search: ReportSearch
  readonly range: DayRange
  readonly granularity: Granularity
  readonly timeZone: string
  /** The one store it is limited to, if any. */
  readonly storeId: number | null
  readonly filter: EventFilterInput
  readonly change: (changes: Changes) => void
}

/** Undefined sets the default again. */
type Changes = { readonly [Key in keyof ReportSearch]?: ReportSearch[Key] | undefined }

export function useReport(): Report {
  const { session } = useSession()
  const raw: Record<string, unknown> = useSearch({ strict: false })
  const search = parseReportSearch(raw)
  const navigate = useNavigate()
  const timeZone = search.tz ?? defaultTimeZone
  const range = rangeOf(search, todayIn(timeZone))
  const storeId = session.storeId ?? search.store ?? null
  const change = useCallback(
    (changes: Changes) => {
      void navigate({
        to: '.',
        search: (previous) => parseReportSearch({ ...previous, ...changes }),
        resetScroll: false,
      })
    },
    [navigate],
  )
  return {
    search,
    range,
    granularity: search.granularity ?? defaultGranularity(range),
    timeZone,
    storeId,
    filter: { ...range, ...(storeId !== null && { storeId }), ...conditionsOf(search.filters ?? []) },
    change,
  }
}

/** Filters on the type go together as alternatives, all others must hold. */
export function conditionsOf(filters: readonly Filter[]): Pick<EventFilterInput, 'types' | 'data'> {
  const types = filters.filter(({ path }) => path === 'type').map(({ value }) => value)
  const data = filters.filter(({ path }) => path !== 'type').map(conditionOf)
  return { ...(types.length > 0 && { types }), ...(data.length > 0 && { data }) }
}

/** Groups are named by text: the value may be that text, or the number or truth value written so. */
function conditionOf({ path, value }: Filter): EventDataConditionInput {
  const number = Number(value)
  if (value.trim() !== '' && Number.isFinite(number)) return { path, in: [value, number] }
  if (value === 'true' || value === 'false') return { path, in: [value, value === 'true'] }
  return { path, equals: value }
}
