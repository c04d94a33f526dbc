import type { JsonSchema } from '../row.ts'
import type { BulkItem, ItemKind, Rejection } from './item.ts'

/** What the graph answers of one element: an error, or what else the report of a bulk is made of. */
export interface ElementResult {
  readonly error: Omit<Rejection, 'line'> | null
}

/** What a bulk route takes, and what it is written by. */
export interface BulkKind extends ItemKind {
  readonly path: `/api/${string}`
  readonly summary: string
  readonly description: string
  readonly tag: string
  /** Whether a JSON array or NDJSON is also taken as `text/plain`: beacons of browsers send nothing else. */
  readonly plainText?: boolean
  /** A mutation of a batch of them. */
  readonly operation: string
  readonly variables: (inputs: readonly BulkItem['input'][]) => Record<string, unknown>
  /** The results of a batch, one for each element in order. */
  readonly results: (data: Record<string, unknown>) => readonly ElementResult[]
  /** Elements that are written together, and batches that are written at the same time. */
  readonly batch: { readonly size: number; readonly atOnce: number }
  /** Elements of one request at most; any number without it. */
  readonly maxElements?: number
  /** Makes what counts the elements of one request that were not rejected. */
  readonly createTally: () => BulkTally
  /** The schema of what it counts. */
  readonly counts: Readonly<Record<string, JsonSchema>>
}

export interface BulkTally {
  readonly add: (line: number, result: never) => void
  readonly counts: () => Readonly<Record<string, unknown>>
}

/** A schema of numbers of elements. */
export const countOf = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description })
