import type { JsonSchema } from '../rest-route.ts'
import type { BulkItem, ItemKind, Rejection } from './item.ts'

/** The graph's result for one element: an error, or data for the report of the bulk. */
export interface ElementResult {
  readonly error: Omit<Rejection, 'line'> | null
}

/** A bulk route: its elements, and the mutation that writes them. */
export interface BulkKind extends ItemKind {
  readonly path: `/api/${string}`
  readonly summary: string
  readonly description: string
  readonly tag: string
  /** Whether a JSON array or NDJSON is also accepted as `text/plain`: browsers' beacons send nothing else. */
  readonly plainText?: boolean
  /** Whether publishable keys may send them. */
  readonly publishable?: boolean
  /** The mutation for one batch. */
  readonly operation: string
  readonly variables: (inputs: readonly BulkItem['input'][]) => Record<string, unknown>
  /** The results of a batch, one for each element in order. */
  readonly results: (data: Record<string, unknown>) => readonly ElementResult[]
  /** Elements per batch, and concurrent batches. */
  readonly batch: { readonly size: number; readonly atOnce: number }
  /** Maximum elements of one request; unlimited without it. */
  readonly maxElements?: number
  /** Creates the counter of accepted elements of one request. */
  readonly createTally: () => BulkTally
  /** The schema of its counts. */
  readonly counts: Readonly<Record<string, JsonSchema>>
}

export interface BulkTally {
  readonly add: (line: number, result: never) => void
  readonly counts: () => Readonly<Record<string, unknown>>
}

/** The schema of a number of elements. */
export const countOf = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description })
