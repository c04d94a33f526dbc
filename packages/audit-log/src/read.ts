import { badInput } from '@user-stats/core'
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
  { first, after }: { readonly first: number; readonly after?: string | null | undefined },
) {
  if (first < 0 || first > maxFirst) throw badInput('first', 'must be between 0 and 1,000')
  const cursor = after == null ? null : fromCursor(after)
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
    ...(cursor !== null
      ? [`(at, id) < (${value(cursor.at)}::timestamptz, ${value(cursor.id)}::bigint)`]
      : []),
  ]
  const rows = await run<Row>(
    `SELECT id, store_id AS "storeId", at, request_id AS "requestId", actor_role AS "actorRole",
            actor_key_id AS "actorKeyId", actor_store_id AS "actorStoreId", action, record_ids AS "recordIds",
            record_count AS "recordCount", fields
     FROM audit_log WHERE ${conditions.join(' AND ')} ORDER BY at DESC, id DESC LIMIT ${value(first + 1)}::int`,
    values,
  )
  const nodes = rows.slice(0, first).map(toEntry)
  const edges = nodes.map((node) => ({ cursor: toCursor(node), node }))
  return {
    edges,
    nodes,
    pageInfo: { endCursor: edges.at(-1)?.cursor ?? null, hasNextPage: rows.length > first },
  }
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

const toCursor = ({ at, id }: AuditEntry): string =>
  Buffer.from(`${String(at.getTime())}:${id}`).toString('base64url')

function fromCursor(cursor: string): { at: Date; id: string } {
  const [, time, id] = /^(\d{1,15}):(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (time === undefined || id === undefined)
    throw badInput('after', 'must be the endCursor of an earlier page')
  return { at: new Date(Number(time)), id }
}
