import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { Pool, type PoolConfig } from 'pg'
import { PrismaClient } from '../generated/client/client.ts'

/** Where this database's schema and migrations stand, for whoever migrates it. */
export const eventsSchema = {
  schemaPath: fileURLToPath(new URL('../schema.prisma', import.meta.url)),
  migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)),
} as const

export interface EventsDatabaseOptions {
  readonly url: string
  /** Connections at most. */
  readonly maxConnections?: number
  /** Milliseconds after which PostgreSQL gives a statement up. */
  readonly statementTimeout?: number
  /** Called when an idle connection breaks; the pool replaces it by itself. */
  readonly onIdleError?: (error: Error) => void
}

/** Of all connections, those that write events. */
const ingestConnections = 2

export type EventsDatabase = ReturnType<typeof openEventsDatabase>

/**
 * The only door to the events database: one pool, used by Prisma and by the hand-written SQL of the hot paths.
 * It connects on first use.
 */
export function openEventsDatabase({
  url,
  maxConnections = 16,
  statementTimeout = 15_000,
  onIdleError = () => undefined,
}: EventsDatabaseOptions) {
  const open = (options: PoolConfig): Pool => {
    const pool = new Pool({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      statement_timeout: statementTimeout,
      application_name: 'user-stats events',
      ...options,
    })
    pool.on('error', onIdleError)
    return pool
  }
  const pool = open({ max: maxConnections - ingestConnections })
  const ingestPool = open({ max: ingestConnections, pipeline: true })
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

export type { PrismaClient } from '../generated/client/client.ts'
