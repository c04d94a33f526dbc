import { chmod, mkdir, open, rename, stat } from 'node:fs/promises'
import path from 'node:path'

const rotateAbove = 50 * 1024 * 1024

export interface ServiceLog {
  /** The child's standard output. */
  readonly stdout: number
  readonly write: (text: string) => void
  /** Where to find it, for messages. */
  readonly where: string
  readonly close: () => Promise<void>
}

/** A service's log file: private, appended to, one old file kept. */
export async function openLog(dataDir: string, name: string): Promise<ServiceLog> {
  const dir = path.join(dataDir, 'logs')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const file = path.join(dir, `${name}.log`)
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size > rotateAbove) await rename(file, `${file}.1`)
  const handle = await open(file, 'a', 0o600)
  await chmod(file, 0o600)
  return {
    stdout: handle.fd,
    write: (text) => {
      // A full disk must not end the stack.
      void handle.appendFile(text).catch(() => undefined)
    },
    where: file,
    close: () => handle.close(),
  }
}

/** Logs as part of the stack's own output, for supervisors that collect it. */
export const standardLog = (): ServiceLog => ({
  stdout: 1,
  write: (text) => {
    process.stderr.write(text)
  },
  where: 'standard output',
  close: () => Promise.resolve(),
})
