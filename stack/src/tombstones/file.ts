import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { writeDurably } from '../backup/manifest.ts'

/** Rows as PostgreSQL's `to_jsonb` writes them, so that a later version's columns come along. */
export type Row = Readonly<Record<string, unknown>>

/** What must stay erased, and the keys that receipts of it are checked with. */
export interface Tombstones {
  /** RFC 3339: erasures after it are not in here. */
  readonly exportedAt: string
  readonly installation: string
  /** Of the users database: what was decided, done or not. */
  readonly erasures: readonly Row[]
  readonly receiptKeys: readonly Row[]
  /** Of the events database: whose events are refused. */
  readonly erasedUsers: readonly Row[]
  readonly deletedStores: readonly Row[]
}

const kinds = ['erasures', 'receiptKeys', 'erasedUsers', 'deletedStores'] as const
const format = 'user-statistics tombstones'

/** A line of JSON each. Holds no personal data, but what stores chose as user ids: for its owner only. */
export async function writeTombstones(file: string, tombstones: Tombstones): Promise<void> {
  const { exportedAt, installation } = tombstones
  const lines = [
    { format, version: 1, exportedAt, installation },
    ...kinds.flatMap((kind) => tombstones[kind].map((row) => ({ kind, row }))),
  ]
  await writeDurably(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** @throws Error, one line, when it is no such file */
export async function readTombstones(file: string): Promise<Tombstones> {
  const rows: Record<(typeof kinds)[number], Row[]> = {
    erasures: [],
    receiptKeys: [],
    erasedUsers: [],
    deletedStores: [],
  }
  let head: { exportedAt: string; installation: string } | undefined
  try {
    for await (const line of createInterface(createReadStream(file))) {
      const value = JSON.parse(line) as Record<string, unknown>
      if (head) {
        const { kind, row } = value as { kind: (typeof kinds)[number]; row: Row }
        rows[kind].push(row)
      } else if (value['format'] === format && value['version'] === 1)
        head = value as unknown as { exportedAt: string; installation: string }
      else throw new Error('its first line is of another kind')
    }
  } catch (cause) {
    throw new Error(`${file} holds no tombstones that can be read: ${(cause as Error).message}`, { cause })
  }
  if (!head) throw new Error(`${file} holds no tombstones: it is empty`)
  return { exportedAt: head.exportedAt, installation: head.installation, ...rows }
}
