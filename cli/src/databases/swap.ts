import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { discardHome } from '@user-stats/postgres'
import { writeDurably } from '../backup/manifest.ts'
import { databaseNames } from './schemas.ts'

// Two databases cannot be exchanged at one stroke: what is being done is written down first, and finished by whoever
// comes next.

const journal = 'restore-in-progress.json'

interface Swap {
  /** Directories within the data directory. */
  readonly restored: string
  readonly replaced: string
}

/** Whether a restore was interrupted while it exchanged the databases: half of each is no data to start on. */
export const isSwapping = (dataDir: string): boolean => existsSync(path.join(dataDir, journal))

/** @throws Error when it was */
export function requireNoSwap(dataDir: string): void {
  if (isSwapping(dataDir))
    throw new Error(
      `a restore into ${dataDir} was interrupted while it exchanged the databases: run npm run restore again to finish it.`,
    )
}

/** Puts both restored databases in the place of those that are there, if any. */
export async function beginSwap(dataDir: string, swap: Swap): Promise<void> {
  const draft = path.join(dataDir, `${journal}.new`)
  await rm(draft, { force: true })
  await writeDurably(draft, JSON.stringify(swap))
  await rename(draft, path.join(dataDir, journal))
  await sync(dataDir)
}

/** Goes on with a swap that has begun, from wherever it stands. */
export async function finishSwap(dataDir: string): Promise<Swap> {
  const swap = JSON.parse(await readFile(path.join(dataDir, journal), 'utf8')) as Swap
  await mkdir(path.join(dataDir, swap.replaced), { recursive: true, mode: 0o711 })
  for (const name of databaseNames) {
    const [restored, here, replaced] = [
      path.join(dataDir, swap.restored, name),
      path.join(dataDir, name),
      path.join(dataDir, swap.replaced, name),
    ]
    // Restored ones lie there until what was here is aside.
    if (!existsSync(restored)) continue
    if (existsSync(here)) await rename(here, replaced)
    await rename(restored, here)
  }
  await sync(dataDir)
  return swap
}

/** Removes what was replaced, for it holds data keys of whoever was erased; after this anything may start again. */
export async function endSwap(dataDir: string, { restored, replaced }: Swap): Promise<void> {
  const dir = path.join(dataDir, replaced)
  for (const name of databaseNames) await discardHome(dir, name)
  await rm(dir, { recursive: true, force: true })
  await rm(path.join(dataDir, restored), { recursive: true, force: true })
  await rm(path.join(dataDir, journal))
}

async function sync(dir: string): Promise<void> {
  const handle = await open(dir)
  await handle.sync().finally(() => handle.close())
}
