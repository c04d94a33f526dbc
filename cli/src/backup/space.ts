import { statfsSync } from 'node:fs'
import { formatBytes } from './progress.ts'

/** Bytes left free: a server on the same disk stops when it cannot write. */
const reserve = 128 * 1024 * 1024

const freeIn = (dir: string): number => {
  const { bavail, bsize } = statfsSync(dir)
  return bavail * bsize
}

/** @throws Error when there is not enough space */
export function requireSpace(dir: string, bytes: number): void {
  const free = freeIn(dir)
  if (free < bytes + reserve)
    throw new Error(
      `${dir}: ${formatBytes(free)} are free, ${formatBytes(bytes + reserve)} are needed. Nothing was written.`,
    )
}

/** Checks the free space after every so many bytes. @throws Error when there is not enough */
export function createSpaceGuard(dir: string, every = 32 * 1024 * 1024): (bytes: number) => void {
  let written = 0
  return (bytes) => {
    written += bytes
    if (written < every) return
    written = 0
    const free = freeIn(dir)
    if (free < reserve) throw new Error(`${dir}: only ${formatBytes(free)} are free. Nothing was kept.`)
  }
}
