import { fileURLToPath } from 'node:url'
import type { Pool, PoolClient } from 'pg'
import { openServingPool, type ServingPoolOptions } from '@user-stats/postgres/pool'
import { PrismaClient, type Prisma } from '../generated/client/client.ts'
import { joining, JoiningAdapter } from './joining-adapter.ts'

/** The location of this database's schema and migrations. */
export const eventsSchema = {
  schemaPath: fileURLToPath(new URL('../schema.prisma', import.meta.url)),
  migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)),
} as const

export type EventsDatabaseOptions = Omit<ServingPoolOptions, 'name'>

/**
 * Of all connections, those that write events: two, and with enough connections a third for the time of slow
 * ones.
 */
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

/** The timeout of a transaction is up to its initiator. */
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
 * The client of the events database: one pool for Prisma and for the SQL of the hot paths. It connects on
 * first use.
 */
export function openEventsDatabase({ maxConnections = 16, ...options }: EventsDatabaseOptions) {
  const open = (more: Partial<ServingPoolOptions>) =>
    openServingPool({ ...options, ...more, name: 'user-stats events' })
  const ingestConnections = ingestConnectionsOf(maxConnections)
  const db = eventsDbOver(open({ maxConnections: maxConnections - ingestConnections }))
  const ingestPool = open({ maxConnections: ingestConnections, pipeline: true })
  return {
    ...db,
    /** Connections that pipeline statements. */
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
