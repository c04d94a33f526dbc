import type { Metrics } from '@user-stats/http'
import { openColumnarStore, type ColumnarOptions, type ColumnarStore } from './columnar-store.ts'

/**
 * A store of segments in a directory, if there is one and it can be used: without it everything works, but
 * slower.
 */
export async function openColumnarStoreIn(
  place: Pick<ColumnarOptions, 'dir' | 'maxBytes'> | null,
  options: Omit<ColumnarOptions, 'dir' | 'maxBytes'>,
): Promise<ColumnarStore | null> {
  if (place === null) return null
  try {
    return await openColumnarStore({ ...place, ...options })
  } catch (error) {
    options.log.error(
      { err: error, dir: place.dir },
      'ANALYTICS_CACHE_DIR cannot be used: PostgreSQL answers analyses',
    )
    return null
  }
}

/** How much is kept, what is still to be read, and who answers. */
export function reportColumnar(metrics: Metrics, { bytes, segments, daysLeft, counts }: ColumnarStore): void {
  metrics.gauge('analytics_cache_bytes', 'Bytes of segments, from which large analyses are answered.', bytes)
  metrics.gauge('analytics_cache_segments', 'Days of stores that are in segments.', segments)
  metrics.gauge(
    'analytics_cache_days_left',
    'Days of a store that are still to be read into segments.',
    daysLeft,
  )
  for (const [outcome, about] of [
    ['answered', 'Counts answered from segments.'],
    ['left', 'Counts left to PostgreSQL: of few events, or not yet in segments.'],
    ['failed', 'Counts left to PostgreSQL because the columnar engine failed.'],
  ] as const)
    metrics.gauge(`analytics_columnar_${outcome}`, about, () => counts[outcome])
}
