import { createHash } from 'node:crypto'

/** The configuration of the process that runs the columnar engine, sent once at its start. */
export interface Settings {
  readonly databaseUrl: string
  /** Where it may write what is too large for memory. */
  readonly drafts: string
  /** Makes pseudonyms of user ids. */
  readonly key: string
}

export const spilledIn = ({ drafts }: Settings): string => `${drafts}/spilled`

/** Reads the events of one store and UTC day from a snapshot of the database into a file. */
export interface BuildTask {
  readonly kind: 'build'
  /** As `pg_export_snapshot` names it. */
  readonly snapshot: string
  readonly storeId: number
  readonly day: string
  /** Paths of `data` that get columns, as JSON. */
  readonly paths: readonly string[]
  /** Files with the events that are known already; null: all are wanted. */
  readonly known: { readonly files: readonly string[]; readonly afterId: string } | null
  readonly target: string
}

/** Writes the rows of some files into one. */
export interface MergeTask {
  readonly kind: 'merge'
  readonly files: readonly string[]
  readonly target: string
}

/** Runs a statement over files. */
export interface QueryTask {
  readonly kind: 'query'
  readonly text: string
  readonly values: readonly string[]
}

export type Task = BuildTask | MergeTask | QueryTask

export interface Built {
  readonly events: number
  /** Null without any event. */
  readonly lastId: string | null
}

export type Row = Readonly<Record<string, unknown>>

export type Request =
  | { readonly id: number; readonly task: Task }
  | { readonly id: number; readonly cancel: true }
  | { readonly settings: Settings }

export type Response = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string })

/**
 * The column of a path of `data` (as JSON): its values as JSON. Numbers have two more, see {@link numberOf}.
 */
export const columnOf = (path: string): string =>
  `p${createHash('sha256').update(path).digest('hex').slice(0, 32)}`

/** Values of a path that are numbers, as doubles and as decimals; NULL where they do not fit. */
export const numberOf = (path: string): { double: string; decimal: string } => ({
  double: `${columnOf(path)}_double`,
  decimal: `${columnOf(path)}_decimal`,
})
