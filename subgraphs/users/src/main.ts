import { openUsersDatabase } from '@user-stats/prisma-users'
import { createLogger, serve } from '@user-stats/service'
import { buildApp } from './app.ts'
import { readEnv } from './env.ts'

await serve('users', async () => {
  const env = readEnv(process.env)
  const log = createLogger({ name: 'users', level: env.logLevel })
  const db = openUsersDatabase({
    url: env.database.url,
    maxConnections: env.database.poolSize,
    onIdleError: (error) => {
      log.warn({ err: error }, 'a database connection broke')
    },
  })
  return { app: await buildApp({ env, db, log }), log, listen: env.http }
})
