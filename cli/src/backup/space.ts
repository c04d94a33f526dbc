import { statfs } from 'node:fs/promises'
import { formatBytes } from './progress.ts'

const reserve = 128 * 1024 * 1024

/** @throws Error when a copy of so many bytes, and what its servers write, does not fit */
export async function requireSpace(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir)
  const [free, needed] = [bavail * bsize, bytes * 1.05 + reserve]
  if (free < needed)
    throw new Error(
      `${dir}: ${formatBytes(free)} are free, ${formatBytes(needed)} are needed. Nothing was written.`,
    )
}
