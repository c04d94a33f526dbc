import path from 'node:path'
import { buildSegments, dropSegments } from '@user-stats/events/analytics-cache'
import { eventsVariables } from '@user-stats/events/env'
import { readVariables, type RawEnv } from '@user-stats/config'
import type { CommandContext } from '../command-context.ts'
import { reachDatabases } from '../databases/reach.ts'
import { migrateVariables, readMigrateEnv } from '../migrate/env.ts'

const { ANALYTICS_CACHE_DIR, ANALYTICS_CACHE_BYTES } = eventsVariables

function readCacheEnv(raw: RawEnv) {
  const env = readVariables({ ...migrateVariables, ANALYTICS_CACHE_DIR, ANALYTICS_CACHE_BYTES }, raw)
  return {
    dir: path.resolve(env.ANALYTICS_CACHE_DIR ?? path.join(env.DATA_DIR, 'analytics')),
    maxBytes: env.ANALYTICS_CACHE_BYTES,
  }
}

/**
 * Copies the events of closed days into segments, or deletes all segments. The services may run meanwhile.
 *
 * @throws Error with a one-line message
 */
export async function runAnalyticsCache({
  step,
  env,
  terminal,
  signal,
  clock = () => new Date(),
}: CommandContext & { readonly step: 'build' | 'drop' }): Promise<number> {
  const cache = readCacheEnv(env)
  if (step === 'drop') {
    const stores = await dropSegments(cache.dir)
    terminal.line('drop', `${cache.dir}: segments of ${stores.toLocaleString('en')} stores deleted`)
    return 0
  }
  if (cache.maxBytes === 0) throw new Error('ANALYTICS_CACHE_BYTES is 0: there is no room for segments')
  await using undo = new AsyncDisposableStack()
  const { events: url } = await reachDatabases(readMigrateEnv(env), terminal, undo, {
    names: ['events'],
    signal,
  })
  const bytes = await buildSegments({
    ...cache,
    url,
    clock,
    signal,
    onStore: (storeId) => {
      terminal.line('build', `store ${String(storeId)}`)
    },
  })
  terminal.line('done', `${cache.dir}: ${bytes.toLocaleString('en')} bytes`)
  return 0
}
