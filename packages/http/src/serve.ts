import type { FastifyInstance } from 'fastify'
import { acceptFormerNames, nearMisses, startFailures, type RawEnv } from '@user-stats/config'
import { drainAndClose } from './graceful-shutdown.ts'
import type { Logger } from './logger.ts'
import { serveMetrics } from './metrics-server.ts'

export interface Service {
  readonly app: FastifyInstance
  readonly log: Logger
  readonly listen: { readonly host: string; readonly port: number }
  /** The port of the metrics server. */
  readonly metrics: { readonly host: string; readonly port: number }
  /** Milliseconds to continue serving, not ready, after SIGTERM. */
  readonly shutdownDelay: number
}

/**
 * Length of the accept queue: Node's default of 511 resets connections when a thousand clients connect at
 * once.
 */
const backlog = 4_096
/** Milliseconds for requests in flight to finish after the port is closed. */
const grace = 25_000

/**
 * Runs a service until SIGINT or SIGTERM: it becomes not ready, finishes the requests in flight, and exits
 * with status
 * 0. Faults at start are reported one per line, with status 1.
 *
 * @param variables the variables that the service reads
 * @param build creates the service from the environment
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
      // Close the metrics port first: a successor that waits for the service's port needs both.
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
    // Exit when the supervisor that holds our IPC channel dies.
    process.on('disconnect', () => {
      stop('SIGTERM')
    })
    process.send?.({ ready: app.addresses()[0]?.port })
  } catch (error) {
    for (const line of startFailures(error)) process.stderr.write(`${name}: ${line}\n`)
    process.exit(1)
  }
}
