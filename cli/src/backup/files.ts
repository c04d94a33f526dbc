import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Transform, type Readable, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { manifestFile, type FileEntry } from './manifest.ts'

/** Bytes read or written at a time. */
const highWaterMark = 1024 * 1024

/** Passes a stream through and reports each chunk. */
const tap = (onChunk: (chunk: Buffer) => void) =>
  new Transform({
    highWaterMark,
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      try {
        onChunk(chunk)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })

/**
 * Compresses a stream into a private file; resolves when it is on disk.
 *
 * @param onBytes called with the number of bytes before compression; an exception aborts the work
 */
export async function writeCompressed(
  dir: string,
  name: string,
  rows: Readable,
  onBytes: (bytes: number) => void,
): Promise<FileEntry> {
  const hash = createHash('sha256')
  let bytes = 0
  await pipeline(
    rows,
    tap(({ length }) => {
      onBytes(length)
    }),
    createZstdCompress({ chunkSize: 256 * 1024 }),
    tap((chunk) => {
      hash.update(chunk)
      bytes += chunk.length
    }),
    createWriteStream(path.join(dir, name), { flags: 'wx', mode: 0o600, flush: true, highWaterMark }),
  )
  return { path: name, bytes, sha256: hash.digest('hex') }
}

/** Describes a file of {@link writeCompressed}. */
export function readCompressed(file: string, onBytes: (bytes: number) => void): Readable {
  const decompress = createZstdDecompress({ chunkSize: 256 * 1024 })
  const counting = tap(({ length }) => {
    onBytes(length)
  })
  // An error of any part is passed to the reader.
  pipeline(createReadStream(file, { highWaterMark }), counting, decompress).catch(() => undefined)
  return decompress
}

/** @returns the number of rows in a file in COPY's text format, in which line breaks in values are escaped */
export async function countRows(file: string): Promise<number> {
  let rows = 0
  for await (const chunk of readCompressed(file, () => undefined) as AsyncIterable<Buffer>)
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows += 1
  return rows
}

async function sha256Of(file: string, onBytes: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    onBytes(chunk.length)
  }
  return hash.digest('hex')
}

/** A file as found on disk. */
export async function describeFile(dir: string, name: string): Promise<FileEntry> {
  const file = path.join(dir, name)
  return { path: name, bytes: (await stat(file)).size, sha256: await sha256Of(file, () => undefined) }
}

/**
 * Compares a directory with its manifest.
 *
 * @throws Error naming the first file that is missing, truncated, changed or unexpected
 */
export async function checkFiles(
  dir: string,
  files: readonly FileEntry[],
  onBytes: (bytes: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const found = new Set(
    entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
      .filter((name) => name !== manifestFile),
  )
  const damaged = (name: string, how: string) => new Error(`${dir} is damaged: ${name} ${how}`)
  for (const { path: name, bytes } of files) {
    if (!found.delete(name)) throw damaged(name, 'is missing')
    const { size } = await stat(path.join(dir, name))
    if (size !== bytes) throw damaged(name, `has ${String(size)} bytes of ${String(bytes)}`)
  }
  const [more] = found
  if (more !== undefined) throw damaged(more, 'is not part of the backup')
  for (const { path: name, sha256 } of files) {
    signal?.throwIfAborted()
    if ((await sha256Of(path.join(dir, name), onBytes)) !== sha256)
      throw damaged(name, 'was changed after it was written')
  }
}
