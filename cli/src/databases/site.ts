import type { Database } from './database.ts'
import type { DatabaseName } from './schemas.ts'

/**
 * The stages of a database during and after a restore, each with the timestamp of the restore. The served
 * database has the empty name.
 *
 * - `restoring`: being built; may be deleted
 * - `restored`: complete; the switch to it has begun and must be finished
 * - `replaced`: was served before, and is kept until a start has succeeded
 * - `undone`: was served until the restore was undone; may be deleted
 */
export type Stage = '' | `${'restoring' | 'restored' | 'replaced' | 'undone'}_${string}`

const staged = /^(?:restoring|restored|replaced|undone)_\d{14}$/

/** The stage in a name, if it belongs to this database. */
export function stageOf(base: string, name: string): Stage | undefined {
  if (name === base) return ''
  if (!name.startsWith(`${base}_`)) return undefined
  const stage = name.slice(base.length + 1)
  return staged.test(stage) ? (stage as Stage) : undefined
}

/** Whether a stage may be deleted. */
export const isDraft = (stage: Stage): boolean => /^(?:restoring|undone)_/.test(stage)

export const nameOf = (base: string, stage: Stage): string => (stage === '' ? base : `${base}_${stage}`)

/** A timestamp for names: `20261124150405`, UTC. */
export const stampOf = (instant: Date): string => instant.toISOString().replaceAll(/\D/g, '').slice(0, 14)

/** The location of all stages of one database: a data directory or a PostgreSQL server. */
export interface Site {
  readonly database: DatabaseName
  readonly stages: () => Promise<ReadonlySet<Stage>>
  /** The name of a stage for operators. */
  readonly describe: (stage: Stage) => string
  /** Renames in this order; on a server, in one transaction. @throws Error when one is in use */
  readonly rename: (changes: readonly (readonly [from: Stage, to: Stage])[]) => Promise<void>
  readonly drop: (stage: Stage) => Promise<void>
  /** Creates it unless it exists. The caller stops it. */
  readonly open: (stage: Stage) => Promise<Database>
  /** Excludes other restores until disposed of. @throws Error when one is in progress */
  readonly lock: () => Promise<AsyncDisposable>
  /** @throws Error naming the clients connected to the served database */
  readonly requireIdle: () => Promise<void>
  /** @throws Error when there is not enough space, as far as can be determined here */
  readonly requireSpace: (bytes: number) => void
}

export type Sites = Readonly<Record<DatabaseName, Site>>
