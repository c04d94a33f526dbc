import { open, type FileHandle } from 'node:fs/promises'

export interface RejectedFile extends AsyncDisposable {
  /** Writes a line; the file is created with the first. */
  readonly add: (line: object) => Promise<void>
  readonly count: () => number
}

/** A file of what an import could not take over, one JSON object a line, that only its owner reads. */
export function createRejectedFile(file: string): RejectedFile {
  let handle: FileHandle | undefined
  let count = 0
  async function create(): Promise<FileHandle> {
    const created = await open(file, 'w', 0o600)
    // A file that is there keeps the mode it had.
    await created.chmod(0o600)
    return created
  }
  return {
    async add(line) {
      handle ??= await create()
      await handle.appendFile(`${JSON.stringify(line)}\n`)
      count += 1
    },
    count: () => count,
    [Symbol.asyncDispose]: async () => {
      await handle?.close()
    },
  }
}
