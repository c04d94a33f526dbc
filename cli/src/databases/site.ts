import type { Database } from './database.ts'
import type { DatabaseName } from './schemas.ts'

/**
 * What a database is called while it is restored, switched to or kept, with the stamp of the restore. The one that is
 * served has the empty string.
 *
 * - `restoring`: being built; nobody misses it
 * - `restored`: complete; the switch to it has begun and must be finished
 * - `replaced`: was served before, and is kept until a start has succeeded
 * - `undone`: was served until the restore was undone; nobody misses it
 */
export type Stage = '' | `${'restoring' | 'restored' | 'replaced' | 'undone'}_${string}`

const staged = /^(?:restoring|restored|replaced|undone)_\d{14}$/

/** The stage in a name, if it is one of this database's. */
export function stageOf(base: string, name: string): Stage | undefined {
  if (name === base) return ''
  if (!name.startsWith(`${base}_`)) return undefined
  const stage = name.slice(base.length + 1)
  return staged.test(stage) ? (stage as Stage) : undefined
}

/** Whether nobody misses what is there. */
export const isDraft = (stage: Stage): boolean => /^(?:restoring|undone)_/.test(stage)

export const nameOf = (base: string, stage: Stage): string => (stage === '' ? base : `${base}_${stage}`)

/** For names: `20261124150405`, UTC. */
export const stampOf = (instant: Date): string => instant.toISOString().replaceAll(/\D/g, '').slice(0, 14)

/** Where the stages of one database are: a data directory or a PostgreSQL server. */
export interface Site {
  readonly database: DatabaseName
  readonly stages: () => Promise<ReadonlySet<Stage>>
  /** What an operator knows a stage by. */
  readonly describe: (stage: Stage) => string
  /** In this order; on a server in one transaction. @throws Error when one is in use */
  readonly rename: (changes: readonly (readonly [from: Stage, to: Stage])[]) => Promise<void>
  readonly drop: (stage: Stage) => Promise<void>
  /** Creates it unless it is there. To be stopped when it is no longer needed. */
  readonly open: (stage: Stage) => Promise<Database>
  /** Keeps other restores away until disposed of. @throws Error when one is under way */
  readonly lock: () => Promise<AsyncDisposable>
  /** @throws Error naming who is connected to the database that is served */
  readonly requireIdle: () => Promise<void>
  /** @throws Error when there is no room for so many bytes, as far as can be seen from here */
  readonly requireSpace: (bytes: number) => void
}

export type Sites = Readonly<Record<DatabaseName, Site>>
