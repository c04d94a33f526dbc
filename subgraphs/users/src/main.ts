import { openUsersDatabase, statementTimeoutFor } from '@user-stats/prisma-users'
import { createLogger, serve } from '@user-stats/http'
import { buildApp } from './app.ts'
import { masterKeysOf, readEnv, usersVariables } from './env.ts'
import { connectionName } from './vault/connected-key-ids.ts'

await serve('users', usersVariables, async (raw) => {
  const env = readEnv(raw)
  const log = createLogger({ name: 'users', level: env.logLevel })
  const db = openUsersDatabase({
    url: env.database.url,
    maxConnections: env.database.poolSize,
    statementTimeout: statementTimeoutFor(env.requestTimeout),
    name: connectionName(masterKeysOf(env)),
    onIdleError: (error) => {
      log.warn({ err: error }, 'a database connection broke')
    },
  })
  return {
    app: await buildApp({ env, db, log }),
    log,
    listen: env.http,
    metrics: env.metrics,
    shutdownDelay: env.shutdownDelay,
  }
})
