import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { writeDurably } from '../backup/manifest.ts'
import { installationOf } from './installation.ts'

/** Rows as PostgreSQL's `to_jsonb` writes them, so that a later version's columns come along. */
export type Row = Readonly<Record<string, unknown>>

/** What must stay erased or refused, and the keys that receipts are checked with. */
export interface Tombstones {
  /** RFC 3339: what was erased, blocked or revoked after it is not in here. */
  readonly exportedAt: string
  /** See `installation.ts`; empty before the first start. */
  readonly installation: string
  /** The highest id that a store ever had. */
  readonly lastStoreId: number
  /** Of the users database: what was decided, done or not. */
  readonly erasures: readonly Row[]
  readonly receiptKeys: readonly Row[]
  /** Of the events database: whose events are refused. */
  readonly erasedUsers: readonly Row[]
  readonly deletedStores: readonly Row[]
  /** API keys of the users database that were revoked, or end at some instant. */
  readonly endedKeys: readonly Row[]
  /** Of the events database: keys it refuses, also those of stores that are gone. */
  readonly revokedKeys: readonly Row[]
  readonly blockedStores: readonly Row[]
}

const kinds = [
  'erasures',
  'receiptKeys',
  'erasedUsers',
  'deletedStores',
  'endedKeys',
  'revokedKeys',
  'blockedStores',
] as const
type Kind = (typeof kinds)[number]
const format = 'user-statistics tombstones'

/** In a backup. */
export const tombstonesFile = 'tombstones.ndjson'

/**
 * A line of JSON each. Holds no personal data and no secret, but what stores chose as user ids: for its owner only.
 *
 * @throws Error, one line, when there is such a file
 */
export async function writeTombstones(file: string, tombstones: Tombstones): Promise<void> {
  const { exportedAt, installation, lastStoreId } = tombstones
  const lines = [
    { format, version: 1, exportedAt, installation, lastStoreId },
    ...kinds.flatMap((kind) => tombstones[kind].map((row) => ({ kind, row }))),
  ]
  await writeDurably(file, lines.map((line) => `${JSON.stringify(line)}\n`).join('')).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new Error(`${file} is there already. Name another file, or remove it.`, { cause: error })
    },
  )
}

/** @throws Error, one line, when it is no such file */
export async function readTombstones(file: string): Promise<Tombstones> {
  const rows = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, Row[]>
  let head: { exportedAt: string; installation: string; lastStoreId?: number } | undefined
  try {
    for await (const line of createInterface(createReadStream(file))) {
      const value = JSON.parse(line) as Record<string, unknown>
      if (head) {
        const { kind, row } = value as { kind: Kind; row: Row }
        if (!kinds.includes(kind)) throw new Error(`it tells of "${kind}", which only a later version knows`)
        rows[kind].push(row)
      } else if (value['format'] === format && value['version'] === 1)
        head = value as unknown as NonNullable<typeof head>
      else throw new Error('its first line is of another kind')
    }
  } catch (cause) {
    throw new Error(`${file} holds no tombstones that can be read: ${(cause as Error).message}`, { cause })
  }
  if (!head) throw new Error(`${file} holds no tombstones: it is empty`)
  const { exportedAt, installation, lastStoreId = 0 } = head
  // Version 1 of backups named the database server instead.
  return { exportedAt, installation: installationOf(rows.receiptKeys) ?? installation, lastStoreId, ...rows }
}
