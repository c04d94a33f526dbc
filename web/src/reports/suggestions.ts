import { useQuery } from '@tanstack/react-query'
import {
  BreakdownDocument,
  RecentDataDocument,
  StoreNamesDocument,
  type EventGroupByInput,
} from '../../generated/graph/graphql.ts'
import { graphQuery } from '../graph/execute.ts'
import { useSession } from '../session/session.ts'
import type { Report } from './use-report.ts'

const identifier = /^[A-Za-z_]\w*$/

/** The paths of plain values in some data, at most three names deep: `$.value`, `$.address.city`. */
export function pathsOf(data: Readonly<Record<string, unknown>>, prefix = '$', depth = 1): string[] {
  return Object.entries(data).flatMap(([name, value]) => {
    const path = identifier.test(name) ? `${prefix}.${name}` : `${prefix}[${JSON.stringify(name)}]`
    if (typeof value !== 'object' || value === null) return [path]
    return Array.isArray(value) || depth === 3
      ? []
      : pathsOf(value as Record<string, unknown>, path, depth + 1)
  })
}

/** Paths of `data` to choose from: what the latest events hold, or what is open to analysts. */
export function usePathSuggestions({ storeId }: Report): readonly string[] {
  const { session } = useSession()
  const isAnalyst = session.role === 'ANALYST'
  const stores = useQuery({ ...graphQuery(StoreNamesDocument, {}), enabled: isAnalyst })
  const recent = useQuery({
    ...graphQuery(RecentDataDocument, { storeId }),
    enabled: !isAnalyst && storeId !== null,
  })
  const open = (stores.data?.stores.nodes ?? [])
    .filter(({ id }) => storeId === null || id === storeId)
    .flatMap(({ analystDataPaths }) => analystDataPaths ?? [])
  const seen = (recent.data?.events.nodes ?? []).flatMap(({ data }) => pathsOf(data))
  return [...new Set([...open, ...seen])].sort()
}

/** The most frequent values of a path, or types, in the report. */
export function useValueSuggestions(report: Report, path: string): readonly string[] {
  const { filter, granularity, timeZone } = report
  const valid = path === 'type' || /^\$[.[]./.test(path)
  const breakdown = useQuery({
    ...graphQuery(BreakdownDocument, { filter, granularity, timeZone, groupBy: groupByOf(path, 50) }),
    enabled: valid,
    retry: false,
  })
  return (breakdown.data?.eventSeries.groups ?? []).flatMap(({ key }) => key ?? [])
}

/** Groups by type, store, or the values of a path. */
export function groupByOf(path: string, top: number): EventGroupByInput {
  if (path === 'type') return { by: 'TYPE', top }
  return path === 'store' ? { by: 'STORE', top } : { by: 'DATA', path, top }
}
