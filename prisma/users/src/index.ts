import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { defaultStatementTimeout, openServingPool, type ServingPoolOptions } from '@user-stats/postgres/pool'
import { PrismaClient } from '../generated/client/client.ts'

/** The location of this database's schema and migrations. */
export const usersSchema = {
  schemaPath: fileURLToPath(new URL('../schema.prisma', import.meta.url)),
  migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)),
} as const

export type UsersDatabaseOptions = ServingPoolOptions

export type UsersDatabase = ReturnType<typeof openUsersDatabase>

/**
 * The client of the users database: one pool behind one Prisma client. It connects on first use.
 */
export function openUsersDatabase({
  statementTimeout = defaultStatementTimeout,
  ...options
}: UsersDatabaseOptions) {
  const pool = openServingPool({ ...options, statementTimeout })
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    // Timeouts for a connection and for locks, both no longer than that of a statement.
    transactionOptions: { maxWait: 5_000, timeout: statementTimeout },
  })
  return {
    pool,
    prisma,
    ping: async (): Promise<void> => {
      await pool.query('SELECT 1')
    },
    close: async (): Promise<void> => {
      await prisma.$disconnect()
      if (!pool.ended) await pool.end()
    },
  }
}

export { statementTimeoutFor } from '@user-stats/postgres/pool'
export { isConflict } from '@user-stats/postgres/sql-state'
export { inPoolTransaction } from '@user-stats/postgres/transaction'
export type { PrismaClient } from '../generated/client/client.ts'
export { Prisma } from '../generated/client/client.ts'
export type { ApiKey, Command, Erasure, SigningKey, Store, User } from '../generated/client/client.ts'
export {
  CommandKind,
  ErasureEvents,
  ErasureState,
  ErasureSubject,
  Role,
  StoreState,
} from '../generated/client/enums.ts'
