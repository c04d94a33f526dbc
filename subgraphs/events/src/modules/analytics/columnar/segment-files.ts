import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { prepareDirectory } from './cache-directory.ts'

/** What is known of the events of one store on one UTC day that are kept in files. */
export interface Segment {
  readonly storeId: number
  readonly day: string
  /** As in `day_totals`. */
  readonly version: string
  readonly removal: string
  /** Which run of which database it was read from: new events alone may be added within one run only. */
  readonly server: string
  readonly events: number
  /** The highest id of an event; ids are not ordered by time. */
  readonly lastId: string
  /** Paths of `data` that have columns, as JSON. */
  readonly paths: readonly string[]
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

export interface SegmentFilesOptions {
  readonly dir: string
  /** Least recently used segments are deleted beyond so many bytes. */
  readonly maxBytes: number
}

/** Milliseconds after which it is recorded that a segment is still in use. */
const useIsRecorded = 60_000
const bytesOf = ({ files }: Segment): number => files.reduce((sum, { bytes }) => sum + bytes, 0)

export type SegmentFiles = Awaited<ReturnType<typeof openSegmentFiles>>

/**
 * The directory of segments: one of Parquet files for each store, and for each day a manifest that names
 * those that count. Files are never changed; whoever reads some keeps them from being deleted until it has
 * read them. Others may use the same directory.
 */
export async function openSegmentFiles({ dir, maxBytes }: SegmentFilesOptions) {
  const { key, drafts } = await prepareDirectory(dir)
  const readers = new Map<string, number>()
  const unwanted = new Set<string>()
  const manifests = new Map<string, { readonly modified: number; readonly segment: Segment }>()
  let bytes = 0
  let count = 0

  const folderOf = (storeId: number): string => path.join(dir, String(storeId))
  const manifestOf = ({ storeId, day }: Pick<Segment, 'storeId' | 'day'>): string =>
    path.join(folderOf(storeId), `${day}.json`)
  const filesOf = ({ storeId, files }: Segment): string[] =>
    files.map(({ name }) => path.join(folderOf(storeId), name))

  let last: Promise<unknown> = Promise.resolve()
  /** Changes follow each other, so that each finds what the one before has left. */
  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const own = last.then(change)
    last = own.catch(() => undefined)
    return own
  }

  async function unlink(file: string): Promise<void> {
    if (readers.has(file)) unwanted.add(file)
    else await rm(file, { force: true })
  }

  async function readManifest(file: string): Promise<Segment | null> {
    try {
      const { mtimeMs: modified } = await stat(file)
      const known = manifests.get(file)
      if (known?.modified === modified) return known.segment
      const segment = JSON.parse(await readFile(file, 'utf8')) as Segment
      manifests.set(file, { modified, segment })
      return segment
    } catch {
      // Deleted meanwhile, or of another form: it is read from the database again.
      manifests.delete(file)
      return null
    }
  }

  async function list(storeId: number): Promise<Map<string, Segment>> {
    const names = await readdir(folderOf(storeId)).catch(() => [])
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map((name) => readManifest(path.join(folderOf(storeId), name))),
    )
    return new Map(found.flatMap((segment) => (segment === null ? [] : [[segment.day, segment]])))
  }

  const stores = async (): Promise<number[]> =>
    (await readdir(dir)).filter((name) => /^\d+$/.test(name)).map(Number)

  async function remove(segment: Segment): Promise<void> {
    const file = manifestOf(segment)
    const current = await readManifest(file)
    // Replaced or removed meanwhile.
    if (current?.version !== segment.version) return
    manifests.delete(file)
    await rm(file, { force: true })
    for (const one of filesOf(segment)) await unlink(one)
    bytes -= bytesOf(segment)
    count -= 1
  }

  async function trim(): Promise<void> {
    if (bytes <= maxBytes) return
    const found: { used: number; segment: Segment }[] = []
    for (const storeId of await stores())
      for (const segment of (await list(storeId)).values()) {
        const used = await stat(manifestOf(segment)).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        )
        found.push({ used, segment })
      }
    bytes = found.reduce((sum, { segment }) => sum + bytesOf(segment), 0)
    count = found.length
    found.sort((a, b) => a.used - b.used)
    for (const { segment } of found) if (bytes > maxBytes) await remove(segment)
  }

  async function install(
    segment: Omit<Segment, 'files'>,
    kept: Segment['files'],
    draft: string | null,
  ): Promise<Segment> {
    const folder = folderOf(segment.storeId)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const before = await readManifest(manifestOf(segment))
    const files = [...kept]
    for (const file of filesOf({ ...segment, files })) unwanted.delete(file)
    if (draft !== null) {
      const name = `${segment.day}-${randomUUID()}.parquet`
      await rename(draft, path.join(folder, name))
      files.push({ name, bytes: (await stat(path.join(folder, name))).size })
    }
    const installed: Segment = { ...segment, files }
    const manifest = path.join(drafts, randomUUID())
    await writeFile(manifest, JSON.stringify(installed), { mode: 0o600 })
    await rename(manifest, manifestOf(segment))
    bytes += bytesOf(installed)
    count += 1
    if (before !== null) {
      count -= 1
      bytes -= bytesOf(before)
      const current = new Set(filesOf(installed))
      for (const file of filesOf(before)) if (!current.has(file)) await unlink(file)
    }
    await trim()
    return installed
  }

  /** Deletes files that no manifest names: what a process left that was killed. */
  async function sweep(storeId: number): Promise<void> {
    const segments = await list(storeId)
    const named = new Set([...segments.values()].flatMap(filesOf))
    for (const name of await readdir(folderOf(storeId)).catch(() => [])) {
      const file = path.join(folderOf(storeId), name)
      if (!name.endsWith('.json') && !named.has(file)) await unlink(file)
    }
    for (const segment of segments.values()) bytes += bytesOf(segment)
    count += segments.size
  }

  for (const storeId of await stores()) await sweep(storeId)

  return {
    /** Makes pseudonyms of user ids. */
    key,
    drafts,
    /** Segments of a store by their day. */
    list,
    stores,
    remove: (segment: Segment): Promise<void> => inTurn(() => remove(segment)),
    /** A file to be written. */
    draft: (): string => path.join(drafts, `${randomUUID()}.parquet`),
    /** Bytes of all segments, and how many there are. */
    bytes: (): number => bytes,
    count: (): number => count,
    /** Moves drafts to where they count, in place of what was there. */
    install: (
      segment: Omit<Segment, 'files'>,
      kept: Segment['files'],
      draft: string | null,
    ): Promise<Segment> => inTurn(() => install(segment, kept, draft)),
    /**
     * Deletes those of some segments whose files are not as they were written.
     *
     * @returns whether there were none, and none has been replaced
     */
    async check(segments: readonly Segment[]): Promise<boolean> {
      let intact = true
      for (const segment of segments)
        for (const [at, { bytes: expected }] of segment.files.entries()) {
          const file = filesOf(segment)[at] ?? ''
          const size = await stat(file).then(
            (found) => found.size,
            () => -1,
          )
          if (size === expected) continue
          intact = false
          await inTurn(async () => {
            const current = await readManifest(manifestOf(segment))
            if (current !== null && filesOf(current).includes(file)) await remove(current)
          })
        }
      return intact
    },
    /** Keeps the files of segments from being deleted until disposed of. */
    open(segments: readonly Segment[]): { readonly files: readonly string[] } & AsyncDisposable {
      const files = segments.flatMap(filesOf)
      for (const file of files) readers.set(file, (readers.get(file) ?? 0) + 1)
      const now = Date.now()
      for (const segment of segments) {
        const known = manifests.get(manifestOf(segment))
        if (known !== undefined && now - known.modified > useIsRecorded)
          void utimes(manifestOf(segment), now / 1_000, now / 1_000).catch(() => undefined)
      }
      return {
        files,
        async [Symbol.asyncDispose]() {
          for (const file of files) {
            const left = (readers.get(file) ?? 1) - 1
            if (left > 0) readers.set(file, left)
            else {
              readers.delete(file)
              if (unwanted.delete(file)) await rm(file, { force: true })
            }
          }
        },
      }
    },
    async close(): Promise<void> {
      await rm(drafts, { recursive: true, force: true })
    },
  }
}
