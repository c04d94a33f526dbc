import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError } from '../errors.ts'

/** What a stopped cluster says of itself. */
export interface ControlFile {
  /** Made up at initdb, and kept by every copy. */
  readonly systemIdentifier: string
  /** The file of the write-ahead log that the next start reads; after a clean stop it needs no other. */
  readonly segment: string
}

const shutDown = 1

/**
 * Reads `global/pg_control` (src/include/catalog/pg_control.h, the same up to here since PostgreSQL 9.3).
 *
 * @param segmentSize bytes of a file of the write-ahead log
 * @throws EmbeddedPostgresError when the cluster was not stopped cleanly
 */
export async function readControlFile(pgdata: string, segmentSize: number): Promise<ControlFile> {
  const bytes = await readFile(path.join(pgdata, 'global', 'pg_control'))
  if (bytes.readUInt32LE(16) !== shutDown)
    throw new EmbeddedPostgresError(`${pgdata} was not stopped cleanly; start and stop its server first.`)
  const checkpoint = bytes.readBigUInt64LE(32)
  const timeline = bytes.readUInt32LE(48)
  const perFile = 0x1_0000_0000n / BigInt(segmentSize)
  const number = checkpoint / BigInt(segmentSize)
  const hex = (value: bigint) => value.toString(16).toUpperCase().padStart(8, '0')
  return {
    systemIdentifier: bytes.readBigUInt64LE(0).toString(),
    segment: hex(BigInt(timeline)) + hex(number / perFile) + hex(number % perFile),
  }
}
