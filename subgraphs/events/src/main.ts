import { openEventsDatabase, statementTimeoutFor } from '@user-stats/prisma-events'
import { createJwksSource } from '@user-stats/core'
import { createLogger, serve } from '@user-stats/http'
import { buildApp } from './app.ts'
import { readEnv, eventsVariables } from './env.ts'

await serve('events', eventsVariables, async (raw) => {
  const env = readEnv(raw)
  const log = createLogger({ name: 'events', level: env.logLevel })
  const db = openEventsDatabase({
    url: env.database.url,
    maxConnections: env.database.poolSize,
    statementTimeout: statementTimeoutFor(env.requestTimeout),
    onIdleError: (error) => {
      log.warn({ err: error }, 'a database connection broke')
    },
  })
  const keys = createJwksSource({ url: new URL('/.well-known/jwks.json', env.users.url).href })
  return {
    app: await buildApp({ env, db, keys, log }),
    log,
    listen: env.http,
    metrics: env.metrics,
    shutdownDelay: env.shutdownDelay,
  }
})
