import type { FastifyInstance } from 'fastify'
import { acceptFormerNames, nearMisses, startFailures, type RawEnv } from '@user-stats/config'
import { drainAndClose } from './graceful-shutdown.ts'
import type { Logger } from './logger.ts'
import { serveMetrics } from './metrics-server.ts'

export interface Service {
  readonly app: FastifyInstance
  readonly log: Logger
  readonly listen: { readonly host: string; readonly port: number }
  /** Where metrics are served. */
  readonly metrics: { readonly host: string; readonly port: number }
  /** Milliseconds to go on answering, not ready, once asked to stop. */
  readonly shutdownDelay: number
}

/** Connections that may wait to be accepted: with Node's 511, a thousand clients coming at once are reset. */
const backlog = 4_096
/** Milliseconds for requests in flight to finish once nobody new is let in. */
const grace = 25_000

/**
 * Runs a service until SIGINT or SIGTERM: says that it is not ready, finishes what is in flight, then ends with
 * status 0.
 * What keeps it from starting is reported a line each, with status 1.
 *
 * @param variables those that the service reads
 * @param build makes the service from the environment
 */
export async function serve(
  name: string,
  variables: Readonly<Record<string, unknown>>,
  build: (raw: RawEnv) => Promise<Service>,
): Promise<void> {
  try {
    const { env, warnings } = acceptFormerNames(process.env)
    const { app, log, listen, metrics, shutdownDelay } = await build(env)
    for (const warning of [...warnings, ...nearMisses(env, Object.keys(variables))]) log.warn(warning)
    const metricsServer = await serveMetrics(app.metrics.registry, metrics)
    await app.listen({ ...listen, backlog })
    log.info({ address: app.addresses()[0], metrics: metricsServer.address }, 'listening')
    let stopping = false
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping) return
      stopping = true
      log.info({ signal }, 'stopping')
      // Before the service's own port: whoever waits for that to be free finds this one free, too.
      metricsServer.close()
      setTimeout(() => {
        log.error('requests did not finish in time')
        process.exit(1)
      }, shutdownDelay + grace).unref()
      drainAndClose(app, { delay: shutdownDelay }).then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'did not stop cleanly')
          process.exit(1)
        },
      )
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    // A supervisor that holds our channel and dies takes us along.
    process.on('disconnect', () => {
      stop('SIGTERM')
    })
    process.send?.({ ready: app.addresses()[0]?.port })
  } catch (error) {
    for (const line of startFailures(error)) process.stderr.write(`${name}: ${line}\n`)
    process.exit(1)
  }
}
