import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { writeDurably } from '../durable-file.ts'
import { installationOf } from './installation.ts'

/** Rows as PostgreSQL's `to_jsonb` writes them, so that columns of a later version are included. */
export type Row = Readonly<Record<string, unknown>>

/** What must stay erased, revoked or blocked, and the keys that verify receipts. */
export interface Tombstones {
  /** RFC 3339: later erasures, blocks and revocations are not included. */
  readonly exportedAt: string
  /** See `installation.ts`; empty before the first start. */
  readonly installation: string
  /** The highest store id ever used. */
  readonly lastStoreId: number
  /** From the users database: all erasures, completed or not. */
  readonly erasures: readonly Row[]
  readonly receiptKeys: readonly Row[]
  /** From the events database: users whose events are refused. */
  readonly erasedUsers: readonly Row[]
  readonly deletedStores: readonly Row[]
  /** API keys of the users database that are revoked or have an expiry. */
  readonly endedKeys: readonly Row[]
  /** From the events database: refused keys, also of deleted stores. */
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

/** The file name in a backup. */
export const tombstonesFile = 'tombstones.ndjson'

/**
 * Writes one line of JSON each. Contains no personal data and no secret except user ids chosen by stores:
 * private to its owner.
 *
 * @throws Error with a one-line message when the file exists
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
      throw new Error(`${file} exists already. Name another file, or remove it.`, { cause: error })
    },
  )
}

/** @throws Error with a one-line message when it is not such a file */
export async function readTombstones(file: string): Promise<Tombstones> {
  const rows = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, Row[]>
  let head: { exportedAt: string; installation: string; lastStoreId?: number } | undefined
  try {
    for await (const line of createInterface(createReadStream(file))) {
      const value = JSON.parse(line) as Record<string, unknown>
      if (head) {
        const { kind, row } = value as { kind: Kind; row: Row }
        if (!kinds.includes(kind))
          throw new Error(`it contains "${kind}", which only a later version supports`)
        rows[kind].push(row)
      } else if (value['format'] === format && value['version'] === 1)
        head = value as unknown as NonNullable<typeof head>
      else throw new Error('its first line is not a header of such a file')
    }
  } catch (cause) {
    throw new Error(`${file} holds no tombstones that can be read: ${(cause as Error).message}`, { cause })
  }
  if (!head) throw new Error(`${file} holds no tombstones: it is empty`)
  const { exportedAt, installation, lastStoreId = 0 } = head
  // Version 1 of backups named the database server instead.
  return { exportedAt, installation: installationOf(rows.receiptKeys) ?? installation, lastStoreId, ...rows }
}
