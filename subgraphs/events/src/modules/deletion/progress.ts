import type { PoolClient } from 'pg'
import type { PrismaDb } from '@user-stats/prisma-events'

/** The progress of a command, over all its attempts. */
export interface Progress {
  readonly finished: boolean
  /** Number of events at the beginning. Null until they are counted. */
  readonly eventsTotal: number | null
  readonly eventsDeleted: number
  readonly eventsAnonymised: number
  /** Rows deleted, by table. */
  readonly rows: Readonly<Record<string, number>>
  /** The pseudonym of an anonymised user; null when events are deleted, and again once it is finished. */
  readonly pseudonym: string | null
}

export interface CommandKey {
  readonly storeId: number
  readonly commandId: number
}

/** Not a command: deleting all events of a store on request. Commands are numbered from 1. */
export const directDeletionId = 0

/** Begins a command, unless it has begun before. */
export const beginProgress = (
  prisma: PrismaDb,
  key: CommandKey,
  pseudonym: string | null = null,
): Promise<unknown> => prisma.erasure.createMany({ data: { ...key, pseudonym }, skipDuplicates: true })

/** Continues an unfinished command; a finished one begins anew. */
export async function resumeProgress(prisma: PrismaDb, key: CommandKey): Promise<void> {
  await prisma.erasure.updateMany({
    where: { ...key, finishedAt: { not: null } },
    data: { eventsTotal: null, eventsDeleted: 0, erasedRows: {}, finishedAt: null },
  })
  await beginProgress(prisma, key)
}

export const hasBegun = async (prisma: PrismaDb, key: CommandKey): Promise<boolean> =>
  (await prisma.erasure.count({ where: key })) > 0

/** The current state; concurrent calls for the same command wait until this transaction ends. */
export async function holdProgress(client: PoolClient, prisma: PrismaDb, key: CommandKey): Promise<Progress> {
  await client.query('SELECT FROM erasures WHERE store_id = $1 AND command_id = $2 FOR UPDATE', [
    key.storeId,
    key.commandId,
  ])
  const row = await prisma.erasure.findUniqueOrThrow({ where: { storeId_commandId: key } })
  return {
    finished: row.finishedAt !== null,
    eventsTotal: row.eventsTotal === null ? null : Number(row.eventsTotal),
    eventsDeleted: Number(row.eventsDeleted),
    eventsAnonymised: Number(row.eventsAnonymised),
    rows: row.erasedRows as Record<string, number>,
    pseudonym: row.pseudonym,
  }
}

/** Saves the state. Once it is finished, the link from the user to the pseudonym is deleted. */
export async function saveProgress(
  prisma: PrismaDb,
  key: CommandKey,
  { finished, rows: erasedRows, pseudonym, ...counts }: Progress,
  now: Date,
): Promise<void> {
  await prisma.erasure.update({
    where: { storeId_commandId: key },
    data: {
      ...counts,
      erasedRows,
      pseudonym: finished ? null : pseudonym,
      finishedAt: finished ? now : null,
    },
  })
}

/** Adds up deleted rows by table. Tables without any are omitted. */
export const addRows = (
  before: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> => {
  const sum: Record<string, number> = { ...before }
  for (const [table, count] of Object.entries(more)) if (count > 0) sum[table] = (sum[table] ?? 0) + count
  return sum
}
