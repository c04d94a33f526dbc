import type { FastifyInstance } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import type { EventsDatabase } from '@user-stats/prisma-events'
import { eventBulk, registerBulk, registerRest } from '@user-stats/rest'
import { createServiceApp } from '@user-stats/graphql'
import { createSubgraphEngine, registerBatchRoute } from '@user-stats/fast-path/subgraph'
import { createMetrics, type Logger } from '@user-stats/http'
import type { KeySource } from '@user-stats/core'
import { toContext, type Context } from './context.ts'
import type { EventsEnv } from './env.ts'
import { createAccess } from './modules/access/access.service.ts'
import { createAggregates } from './modules/aggregate/aggregate.service.ts'
import type { ColumnarOptions } from './modules/analytics/columnar/columnar-store.ts'
import { openColumnarStoreIn, reportColumnar } from './modules/analytics/columnar/open-columnar.ts'
import { createAnalytics } from './modules/analytics/analytics.service.ts'
import { createAudit } from './modules/audit/audit.service.ts'
import { createCommands } from './modules/command/command.service.ts'
import { createDeletion } from './modules/deletion/deletion.service.ts'
import { createErasures, type ErasureSteps } from './modules/deletion/erasure.service.ts'
import { createEvents } from './modules/event/event.service.ts'
import { createIngest } from './modules/event/ingest-queue.ts'
import { createMaintenance } from './maintenance/maintenance.ts'
import { createPartitions } from './modules/event/partitions.ts'
import { createIdempotencyKeys } from './modules/idempotency-key/idempotency-key.service.ts'
import { createRetention } from './modules/retention/data-retention.ts'
import { createUsers } from './modules/user/user.service.ts'
import { createVerification } from './modules/verification/verification.service.ts'
import { routes } from './rest/routes.ts'
import { createSchemas } from './schema.ts'

export interface EventsDeps {
  readonly env: EventsEnv
  readonly db: EventsDatabase
  /** Public keys that verify tokens. */
  readonly keys: KeySource
  readonly log: Logger
  readonly clock?: () => Date
  /**
   * False disables the scheduled maintenance of partitions, idempotency keys and retention: for tests that
   * run it themselves.
   */
  readonly maintain?: boolean
  /** Batch sizes of an erasure. */
  readonly steps?: ErasureSteps
  /** Events that may wait to be written. */
  readonly queueLimit?: number | undefined
  /** Which analyses read segments. */
  readonly columnar?: Pick<ColumnarOptions, 'minEvents' | 'maxRead' | 'launch'>
}

/** The events service, wired but not listening. Closing it writes accepted events and closes the database. */
export async function buildApp({
  env,
  db,
  keys,
  log,
  clock = () => new Date(),
  maintain = true,
  steps = {},
  queueLimit,
  columnar: columnarLimits = {},
}: EventsDeps): Promise<FastifyInstance> {
  const { pool, prisma } = db
  const access = createAccess({ pool, clock })
  const audit = createAudit({ prisma, access, clock })
  const partitions = createPartitions({ pool })
  const ingest = createIngest({
    pool,
    writers: db.ingestPool,
    partitions,
    queueLimit,
    // Before a gateway in front gives up, with the same time for a request.
    acknowledgeTimeout: env.requestTimeout * 0.6,
  })
  const maintenance = createMaintenance({
    db,
    partitions,
    retention: createRetention({ db, clock, log, days: env.retentionDays }),
    clock,
    log,
  })
  const columnar = await openColumnarStoreIn(env.segments, {
    pool,
    log,
    clock,
    databaseUrl: env.database.url,
    ...columnarLimits,
  })
  /** Nothing that was copied from a store is left when the removal of its events is answered. */
  const onRemoved = (storeId: number): Promise<void> => columnar?.evict(storeId) ?? Promise.resolve()
  const domain = {
    events: createEvents({ pool, access, ingest, clock }),
    deletion: createDeletion({ db, access, audit, clock, onRemoved, ...steps }),
    aggregates: createAggregates({ pool, access, minCohort: env.minCohort }),
    analytics: createAnalytics({
      pool,
      access,
      clock,
      columnar,
      log,
      minCohort: env.minCohort,
      ...env.analytics,
    }),
    audit,
    commands: createCommands({
      db,
      audit,
      erasures: createErasures({ db, clock, onRemoved, ...steps }),
      clock,
    }),
    users: createUsers({ pool, access }),
    idempotencyKeys: createIdempotencyKeys({ prisma, access }),
    // Within the time of a request, so that there is an answer.
    verification: createVerification({ db, access, audit, clock, timeout: env.requestTimeout * 0.9 }),
  }

  const metrics = createMetrics('events')
  metrics.gauge('ingest_queue_events', 'Number of queued events.', ingest.queued)
  if (columnar !== null) reportColumnar(metrics, columnar)
  return await createServiceApp<Context, GraphQLSchema>({
    name: 'events',
    env,
    metrics,
    log,
    clock,
    readiness: { database: db.ping },
    keys,
    behindGateway: true,
    description: 'Events and aggregates, as the previous system answered them.',
    landingPage: {
      title: 'User statistics: events',
      about:
        'This service keeps events and computes the statistics. Stores and analysts use the gateway, by default on port 8000, where the playground is; the graph here takes POST requests at /graphql.',
    },
    schemas: createSchemas(),
    executor: (schema) => ({ source: { schema }, engine: createSubgraphEngine(env.fastPath, schema) }),
    assertCanIntrospect: ({ caller }) => access.assertActive(caller, null),
    context: (request) => toContext(request, domain),
    routes: (app, tools) => {
      registerBatchRoute(app, { ...tools, gatewaySecret: env.gatewaySecret })
      registerRest(app, { ...tools, routes })
      registerBulk(app, { ...tools, kind: eventBulk })
      // Finish requested work, except what may take minutes.
      app.addHook('preClose', (done) => {
        domain.deletion.stop()
        done()
      })
    },
    onReady: () => {
      if (maintain) maintenance.start()
    },
    onClose: async () => {
      await ingest.drained()
      await maintenance.stop()
      await columnar?.close()
      await db.close()
    },
  })
}
