import { fileURLToPath } from 'node:url'
import type { Pool, PoolClient } from 'pg'
import { openServingPool, type ServingPoolOptions } from '@user-stats/postgres/pool'
import { PrismaClient, type Prisma } from '../generated/client/client.ts'
import { joining, JoiningAdapter } from './joining-adapter.ts'

/** Where this database's schema and migrations stand, for whoever migrates it. */
export const eventsSchema = {
  schemaPath: fileURLToPath(new URL('../schema.prisma', import.meta.url)),
  migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)),
} as const

export type EventsDatabaseOptions = Omit<ServingPoolOptions, 'name'>

/** Of all connections, those that write events: two, and where there are enough one that goes past slow ones. */
const ingestConnectionsOf = (all: number): number => (all < 8 ? 2 : 3)

/** Prisma's client inside a transaction, or the client itself. */
export type PrismaDb = Prisma.TransactionClient

/** A pool of connections, for hand-written SQL and for Prisma's client. */
export interface EventsDb {
  readonly pool: Pool
  readonly prisma: PrismaClient
  /** Gives Prisma's client to work inside the transaction that is open on a connection. */
  readonly join: <T>(client: PoolClient, work: (prisma: PrismaDb) => Promise<T>) => Promise<T>
}

/** How long a transaction may take is up to whoever began it. */
const unlimited = 2 ** 31 - 1

/** Prisma's client on the connections of a pool: it opens none of its own. */
export function eventsDbOver(pool: Pool): EventsDb {
  const prisma = new PrismaClient({ adapter: new JoiningAdapter(pool) })
  return {
    pool,
    prisma,
    join: (client, work) => joining(client, () => prisma.$transaction(work, { timeout: unlimited })),
  }
}

export type EventsDatabase = ReturnType<typeof openEventsDatabase>

/**
 * The only door to the events database: one pool, used by Prisma and by the hand-written SQL of the hot paths.
 * It connects on first use.
 */
export function openEventsDatabase({ maxConnections = 16, ...options }: EventsDatabaseOptions) {
  const open = (more: Partial<ServingPoolOptions>) =>
    openServingPool({ ...options, ...more, name: 'user-stats events' })
  const ingestConnections = ingestConnectionsOf(maxConnections)
  const db = eventsDbOver(open({ maxConnections: maxConnections - ingestConnections }))
  const ingestPool = open({ maxConnections: ingestConnections, pipeline: true })
  return {
    ...db,
    /** Connections that send a statement without waiting for the answer to the one before. */
    ingestPool,
    ping: async (): Promise<void> => {
      await db.pool.query('SELECT 1')
    },
    close: async (): Promise<void> => {
      await db.prisma.$disconnect()
      if (!db.pool.ended) await db.pool.end()
      await ingestPool.end()
    },
  }
}

export { withQueryTimeout, statementTimeoutFor } from '@user-stats/postgres/pool'
export {
  isConflict,
  isLockTimeout,
  isMissingPartition,
  isStatementTimeout,
  stateOf,
} from '@user-stats/postgres/sql-state'
export { inPoolTransaction } from '@user-stats/postgres/transaction'
export { Prisma, type PrismaClient } from '../generated/client/client.ts'
