import { createHash } from 'node:crypto'
import type { AuditAction } from './actions.ts'
import { actorOf, operator, type Acting, type AuditActor } from './actor.ts'

/** Runs a statement: in a transaction, so that an entry is written with what it tells of or not at all. */
export type RunStatement = <Row>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>

/** Runs statements on a client of `pg`, or a pool. */
export const statementsOn =
  (client: {
    readonly query: (text: string, values: unknown[]) => Promise<{ readonly rows: readonly unknown[] }>
  }): RunStatement =>
  async <Row>(text: string, values: readonly unknown[]) =>
    (await client.query(text, [...values])).rows as readonly Row[]

/** Runs statements on a Prisma client, or inside its transaction. */
export const statementsIn =
  (prisma: {
    readonly $queryRawUnsafe: <T>(text: string, ...values: unknown[]) => Promise<T>
  }): RunStatement =>
  (text, values) =>
    prisma.$queryRawUnsafe(text, ...values)

/** What was done. Holds ids and names of fields, never personal data. */
export interface AuditRecord {
  readonly action: AuditAction
  /** Null where no store is concerned. */
  readonly storeId: number | null
  /** Of the records that were changed or read. */
  readonly recordIds: readonly string[]
  /** How many, when they are not named one by one. */
  readonly recordCount?: number
  /** Names of the fields that were changed. */
  readonly fields?: readonly string[]
}

/** Ids in one entry; more make more entries. */
export const maxRecordIds = 1_000

const text = `
INSERT INTO audit_log (store_id, at, request_id, actor_role, actor_key_id, actor_store_id,
                       action, record_ids, record_count, fields)
VALUES ($1::int, $2::timestamptz, $3, $4, $5::uuid, $6::int, $7, $8::text[], $9::bigint, $10::text[])`

/**
 * Writes an entry, or several when there are more than 1,000 ids.
 *
 * @param acting the request, or the name of an operator's command
 */
export async function recordAudit(
  run: RunStatement,
  acting: Acting | { readonly command: string },
  { action, storeId, recordIds, recordCount, fields = [] }: AuditRecord,
  at: Date,
): Promise<void> {
  const actor: AuditActor = 'command' in acting ? operator : actorOf(acting.caller)
  const requestId = 'command' in acting ? acting.command : acting.requestId
  for (let from = 0; from === 0 || from < recordIds.length; from += maxRecordIds) {
    const ids = recordIds.slice(from, from + maxRecordIds)
    await run(text, [
      storeId ?? 0,
      at,
      requestId,
      actor.role,
      actor.keyId,
      actor.storeId,
      action,
      ids,
      recordCount ?? ids.length,
      fields,
    ])
  }
}

const uuidPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/**
 * What stands in the log for the `userId` of events: a registered user's id as it is; of any other, which a store may
 * have made of anything, its SHA-256, so that whoever knows the id finds the entry and nobody reads it there.
 */
export const auditedUserId = (userId: string): string =>
  uuidPattern.test(userId) ? userId : `sha256:${createHash('sha256').update(userId).digest('base64url')}`
