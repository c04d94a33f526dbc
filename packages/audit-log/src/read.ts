import { badInput, fromCursor, requireFirst, toConnection, toPage, type PageRequest } from '@user-stats/core'
import { auditActions, type AuditAction } from './actions.ts'
import type { AuditActor } from './actor.ts'
import { auditedUserId, type RunStatement } from './write.ts'

/** A filter for entries. Absent members match all. */
export interface AuditFilter {
  readonly storeId?: number | null | undefined
  readonly keyId?: string | null | undefined
  readonly actions?: readonly AuditAction[] | null | undefined
  readonly recordId?: string | null | undefined
  /** Inclusive start. */
  readonly from?: Date | null | undefined
  /** Exclusive end. */
  readonly to?: Date | null | undefined
}

/** An entry as the graph returns it. */
export interface AuditEntry {
  readonly id: string
  readonly at: Date
  readonly requestId: string
  readonly actor: AuditActor
  readonly action: AuditAction
  readonly storeId: number | null
  readonly recordIds: readonly string[]
  readonly recordCount: number
  readonly fields: readonly string[]
}

type Row = Omit<AuditEntry, 'id' | 'actor' | 'storeId' | 'recordCount'> & {
  readonly id: string | bigint
  readonly storeId: number
  readonly recordCount: string | bigint
  readonly actorRole: AuditActor['role']
  readonly actorKeyId: string | null
  readonly actorStoreId: number | null
}

const maxFirst = 1_000
const uuidPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i
// Skip actions unknown to this version: its clients' enum lacks them.
const known = `action = ANY ('{${auditActions.join(',')}}'::text[])`

/**
 * A page of entries, newest first, as a connection.
 *
 * @throws BAD_USER_INPUT for `first`, `after`, `keyId` and `recordId`
 */
export async function readAuditPage(
  run: RunStatement,
  { storeId, keyId, actions, recordId, from, to }: AuditFilter,
  { first, after }: PageRequest,
) {
  const limit = requireFirst(first, maxFirst)
  const [time, id] = after == null ? [] : fromCursor(after, isPosition).split(':')
  if (keyId != null && !uuidPattern.test(keyId)) throw badInput('keyId', 'must be the id of an API key')
  if (recordId != null && (recordId.length > 128 || recordId.includes('\0')))
    throw badInput('recordId', 'must have at most 128 characters, none of them NUL')

  const values: unknown[] = []
  const value = (one: unknown): string => `$${String(values.push(one))}`
  // Only the given conditions, so that each combination uses its own index.
  const conditions = [
    known,
    ...(storeId != null ? [`store_id = ${value(storeId)}::int`] : []),
    ...(keyId != null ? [`actor_key_id = ${value(keyId)}::uuid`] : []),
    ...(actions != null ? [`action = ANY (${value(actions)}::text[])`] : []),
    ...(recordId != null ? [`record_ids && ${value(formsOf(recordId))}::text[]`] : []),
    ...(from != null ? [`at >= ${value(from)}::timestamptz`] : []),
    ...(to != null ? [`at < ${value(to)}::timestamptz`] : []),
    ...(time !== undefined
      ? [`(at, id) < (${value(new Date(Number(time)))}::timestamptz, ${value(id)}::bigint)`]
      : []),
  ]
  const rows = await run<Row>(
    `SELECT id, store_id AS "storeId", at, request_id AS "requestId", actor_role AS "actorRole",
            actor_key_id AS "actorKeyId", actor_store_id AS "actorStoreId", action, record_ids AS "recordIds",
            record_count AS "recordCount", fields
     FROM audit_log WHERE ${conditions.join(' AND ')} ORDER BY at DESC, id DESC LIMIT ${value(limit + 1)}::int`,
    values,
  )
  return toConnection(toPage(rows.map(toEntry), limit), positionOf)
}

/** The forms in which the log may contain it. */
const formsOf = (recordId: string): string[] => [
  ...new Set([recordId, recordId.toLowerCase(), auditedUserId(recordId)]),
]

const toEntry = ({ actorRole, actorKeyId, actorStoreId, storeId, ...row }: Row): AuditEntry => ({
  ...row,
  id: String(row.id),
  storeId: storeId === 0 ? null : storeId,
  recordCount: Number(row.recordCount),
  actor: { role: actorRole, keyId: actorKeyId, storeId: actorStoreId },
})

/** The position of an entry in the list. */
const positionOf = ({ at, id }: AuditEntry): string => `${String(at.getTime())}:${id}`
const isPosition = (text: string): boolean => /^\d{1,15}:\d{1,16}$/.test(text)
