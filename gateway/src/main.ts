import { createJwksSource } from '@user-stats/core'
import { createLogger, serve } from '@user-stats/http'
import { buildApp } from './app.ts'
import { readEnv, gatewayVariables } from './env.ts'

// Apollo Gateway reads it when it is constructed.
process.env['APOLLO_TELEMETRY_DISABLED'] = 'true'

await serve('gateway', gatewayVariables, async (raw) => {
  const env = readEnv(raw)
  const log = createLogger({ name: 'gateway', level: env.logLevel })
  const keys = createJwksSource({ url: new URL('/.well-known/jwks.json', env.users.url).href })
  return {
    app: await buildApp({ env, keys, log }),
    log,
    listen: env.http,
    metrics: env.metrics,
    shutdownDelay: env.shutdownDelay,
  }
})
