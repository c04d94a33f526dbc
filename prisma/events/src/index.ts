import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { openServingPool, type ServingPoolOptions } from '@user-stats/postgres/pool'
import { PrismaClient } from '../generated/client/client.ts'

/** Where this database's schema and migrations stand, for whoever migrates it. */
export const eventsSchema = {
  schemaPath: fileURLToPath(new URL('../schema.prisma', import.meta.url)),
  migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)),
} as const

export type EventsDatabaseOptions = Omit<ServingPoolOptions, 'name'>

/** Of all connections, those that write events: two, and where there are enough one that goes past slow ones. */
const ingestConnectionsOf = (all: number): number => (all < 8 ? 2 : 3)

export type EventsDatabase = ReturnType<typeof openEventsDatabase>

/**
 * The only door to the events database: one pool, used by Prisma and by the hand-written SQL of the hot paths.
 * It connects on first use.
 */
export function openEventsDatabase({ maxConnections = 16, ...options }: EventsDatabaseOptions) {
  const open = (more: Partial<ServingPoolOptions>) =>
    openServingPool({ ...options, ...more, name: 'user-stats events' })
  const ingestConnections = ingestConnectionsOf(maxConnections)
  const pool = open({ maxConnections: maxConnections - ingestConnections })
  const ingestPool = open({ maxConnections: ingestConnections, pipeline: true })
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
  return {
    pool,
    /** Connections that send a statement without waiting for the answer to the one before. */
    ingestPool,
    prisma,
    ping: async (): Promise<void> => {
      await pool.query('SELECT 1')
    },
    close: async (): Promise<void> => {
      await prisma.$disconnect()
      if (!pool.ended) await pool.end()
      await ingestPool.end()
    },
  }
}

export { withQueryTimeout, statementTimeoutFor } from '@user-stats/postgres/pool'
export type { PrismaClient } from '../generated/client/client.ts'
