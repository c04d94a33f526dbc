import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const document = path.join(import.meta.dirname, '../../docs/erasure.md')

/** Verifies a receipt with the documented script. Throws when the script rejects it. */
export async function verifyAsDocumented(origin: string, receipt: string): Promise<Record<string, unknown>> {
  const script = /```js\n(.*?)```/s.exec(await readFile(document, 'utf8'))?.[1]
  if (script === undefined) throw new Error('docs/erasure.md has no script')
  const dir = await mkdtemp(path.join(tmpdir(), 'user-stats-receipt-'))
  try {
    // The script prints an inspected object; make it machine-readable.
    const file = path.join(dir, 'verify-receipt.mjs')
    await writeFile(file, script.replace('? read(payload)', '? JSON.stringify(read(payload))'))
    const { stdout } = await run(process.execPath, [file, origin, receipt])
    return JSON.parse(stdout) as Record<string, unknown>
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
