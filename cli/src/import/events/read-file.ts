import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { UsageError } from '../../failure.ts'
import { readCsv, type SourceRecord } from './csv.ts'
import { readJson } from './json.ts'

/**
 * The records of a file, by its name: CSV, or JSON (NDJSON, or one array); each may be compressed with gzip.
 */
export function readRecords(file: string): AsyncGenerator<SourceRecord> {
  const name = file.replace(/\.gz$/i, '')
  const read = /\.(?:csv|tsv)$/i.test(name)
    ? readCsv
    : /\.(?:ndjson|jsonl|json)$/i.test(name)
      ? readJson
      : undefined
  if (read === undefined)
    throw new UsageError(
      `${file}: expected a name that ends with .csv, .ndjson, .jsonl or .json (or that and .gz)`,
    )
  return read(textOf(file, name !== file))
}

async function* textOf(file: string, compressed: boolean): AsyncGenerator<string> {
  const stream = createReadStream(file)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  for await (const chunk of compressed ? stream.pipe(createGunzip()) : stream)
    yield decoder.decode(chunk as Buffer, { stream: true })
  yield decoder.decode()
}
