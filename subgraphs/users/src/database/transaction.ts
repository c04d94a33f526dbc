import { isConflict, Prisma, type PrismaClient } from '@user-stats/prisma-users'

/** A client inside a transaction, or the client itself. */
export type Db = Prisma.TransactionClient

const attempts = 5

interface DriverCause {
  readonly kind?: unknown
  readonly constraint?: { readonly index?: unknown }
}

const driverCause = (error: unknown): DriverCause | undefined =>
  error instanceof Prisma.PrismaClientKnownRequestError
    ? (error.meta as { driverAdapterError?: { cause?: DriverCause } } | undefined)?.driverAdapterError?.cause
    : undefined

/** The unique index that a write violated, if an error reports one. */
export function violatedIndex(error: unknown): string | undefined {
  const cause = driverCause(error)
  if (cause?.kind !== 'UniqueConstraintViolation') return undefined
  return typeof cause.constraint?.index === 'string' ? cause.constraint.index : ''
}

/** Runs work in one transaction; retries after a deadlock or a serialization failure. */
export async function inTransaction<T>(prisma: PrismaClient, work: (tx: Db) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await prisma.$transaction(work)
    } catch (error) {
      if (!isConflict(error) || attempt === attempts) throw error
    }
}

/** Work that only one transaction of this database may do at a time. */
const tasks = { firstStart: 1, adminKeys: 2 } as const

/** Acquires the lock for such work until the transaction ends. */
export const lockTask = (tx: Db, task: keyof typeof tasks): Promise<unknown> =>
  tx.$executeRaw`SELECT pg_advisory_xact_lock(7302, ${tasks[task]}::int)`
