import { repairData, type LegacyEvent } from '@user-stats/events/legacy-import'
import type { EventRow } from './source.ts'

/** Replaces a missing type or user: the event is still counted. */
const unknown = 'unknown'
const maxType = 128
const hour = 3_600_000
/** The earliest time that an event may have: earlier ones were never recorded, but entered. */
const earliest = Date.UTC(2000, 0, 1)

/**
 * Converts an event.
 *
 * @param repaired called with each repair
 * @returns the event, or the reason why it is rejected
 */
export function repairEvent(
  row: EventRow & { readonly storeId: number },
  now: Date,
  repaired: (what: string) => void,
): LegacyEvent | string {
  const { id, storeId, createdAt } = row
  if (id < 1) return 'id: must be 1 or more'
  if (createdAt === null) return 'created_at: is missing, so that the event belongs to no day'
  if (createdAt > now.getTime() + hour) return 'created_at: is in the future'
  if (createdAt < earliest) return 'created_at: is before the year 2000'
  if (row.data === null && row.dataBytes !== null) return 'data: must not be larger than 64 KiB as JSON'
  try {
    const data = repairData(row.data, repaired)
    return {
      id,
      storeId,
      type: typeOf(row, repaired),
      userId: userOf(row, repaired),
      data,
      createdAt: new Date(createdAt),
    }
  } catch (error) {
    if (error instanceof RangeError) return 'data: must not be nested deeper than 32 levels'
    throw error
  }
}

function typeOf({ type }: EventRow, repaired: (what: string) => void): string {
  if (type === null || type === '') {
    repaired(`missing type replaced by "${unknown}"`)
    return unknown
  }
  const characters = type.length > maxType ? Array.from(type) : []
  if (characters.length <= maxType) return type
  repaired(`type cut to ${String(maxType)} characters`)
  return characters.slice(0, maxType).join('')
}

function userOf({ userId }: EventRow, repaired: (what: string) => void): string {
  if (userId !== null && userId !== '') return userId
  repaired(`missing user_id replaced by "${unknown}"`)
  return unknown
}
