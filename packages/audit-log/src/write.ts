import { createHash } from 'node:crypto'
import type { AuditAction } from './actions.ts'
import { actorOf, operator, type AuditContext, type AuditActor } from './actor.ts'

/**
 * Runs a statement in the transaction of the change, so that entry and change are written both or not at all.
 */
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

/** The action and its objects: ids and field names, never personal data. */
export interface AuditRecord {
  readonly action: AuditAction
  /** Null if no store is involved. */
  readonly storeId: number | null
  /** Ids of the changed or read records. */
  readonly recordIds: readonly string[]
  /** Their number, when they are not listed. */
  readonly recordCount?: number
  /** Names of the changed fields. */
  readonly fields?: readonly string[]
}

/** Maximum ids in one entry; more are split into several entries. */
export const maxRecordIds = 1_000

const text = `
INSERT INTO audit_log (store_id, at, request_id, actor_role, actor_key_id, actor_store_id,
                       action, record_ids, record_count, fields)
VALUES ($1::int, $2::timestamptz, $3, $4, $5::uuid, $6::int, $7, $8::text[], $9::bigint, $10::text[])`

/**
 * Writes an entry, or several when there are more than 1,000 ids.
 *
 * @param auditContext the request, or the name of an operator's command
 */
export async function recordAudit(
  run: RunStatement,
  auditContext: AuditContext | { readonly command: string },
  { action, storeId, recordIds, recordCount, fields = [] }: AuditRecord,
  at: Date,
): Promise<void> {
  const actor: AuditActor = 'command' in auditContext ? operator : actorOf(auditContext.caller)
  const requestId = 'command' in auditContext ? auditContext.command : auditContext.requestId
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
 * The form of an event's `userId` in the log: the id of a registered user unchanged; any other id, which a
 * store may derive from personal data, as its SHA-256. It can be found by someone who knows the id, but not
 * read.
 */
export const auditedUserId = (userId: string): string =>
  uuidPattern.test(userId) ? userId : `sha256:${createHash('sha256').update(userId).digest('base64url')}`
