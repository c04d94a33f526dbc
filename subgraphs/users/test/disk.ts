import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/** Forms in which a text may be stored: plain, in UTF-16, as hexadecimal digits, as base64 at each offset. */
export function traces(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const hex = bytes.toString('hex')
  const base64 = [0, 1, 2].map((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // Letters at both ends depend on their neighbours.
    return padded.slice(offset === 0 ? 0 : offset + 1, -1)
  })
  const wide = Buffer.from(text, 'utf16le')
  return [
    bytes,
    wide,
    Buffer.from(wide).swap16(),
    ...[hex, hex.toUpperCase(), ...base64].map((form) => Buffer.from(form)),
  ]
}

/** Every file below a folder. */
export async function* contents(folder: string): AsyncGenerator<{ file: string; bytes: Buffer }> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const file = path.join(entry.parentPath, entry.name)
      yield { file, bytes: await readFile(file) }
    }
}
