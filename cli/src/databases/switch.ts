import { databaseNames } from './schemas.ts'
import { isDraft, type Site, type Sites, type Stage } from './site.ts'

// Two databases, perhaps on two servers, cannot be switched atomically. The users database, without which no
// service starts, is therefore absent meanwhile, and its name records which switch must be finished.

/** @throws Error with instructions, when work fails after a switch has begun */
async function untilSwitched(sites: Sites, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if ((await interruptedSwitch(sites).catch(() => '')) === undefined) throw cause
    throw new Error(
      `${(cause as Error).message}. The switch has begun, and nothing starts before it is finished: run the restore again.`,
      { cause },
    )
  }
}

/**
 * Makes both databases built under a timestamp the served ones, and keeps the previous ones. After its first
 * step it can only be finished.
 */
export async function switchToRestored(sites: Sites, stamp: string): Promise<void> {
  const served = (await sites.users.stages()).has('')
  await untilSwitched(sites, async () => {
    await sites.users.rename([
      [`restoring_${stamp}`, `restored_${stamp}`],
      ...(served ? ([['', `replaced_${stamp}`]] as const) : []),
    ])
    await finishSwitch(sites, stamp)
  })
}

/** The timestamp of an interrupted switch. */
export async function interruptedSwitch({ users }: Sites): Promise<string | undefined> {
  const begun = [...(await users.stages())].find((stage) => stage.startsWith('restored_'))
  return begun?.slice('restored_'.length)
}

/**
 * Call before creating a database when none is served.
 *
 * @throws Error when a switch was interrupted
 */
export async function requireNoSwitch(site: Pick<Site, 'stages' | 'describe'>): Promise<void> {
  const stages = [...(await site.stages())]
  const begun = stages.some((stage) => stage.startsWith('restored_'))
  if (begun || (!stages.includes('') && stages.some((stage) => stage.startsWith('replaced_'))))
    throw new Error(
      `a restore was interrupted while switching to ${site.describe('')}: run the restore again to finish it.`,
    )
}

/** Finishes a switch, or that of {@link undoSwitch}, from any step. */
export async function finishSwitch({ users, events }: Sites, stamp: string): Promise<void> {
  const [ofUsers, ofEvents] = [await users.stages(), await events.stages()]
  const [restoring, replaced, undone] = [
    `restoring_${stamp}`,
    `replaced_${stamp}`,
    `undone_${stamp}`,
  ] as const satisfies Stage[]
  const built = ofEvents.has(restoring)
  const undoing = !built && (ofUsers.has(undone) || (ofUsers.has('') && ofEvents.has(replaced)))
  const aside = undoing ? undone : replaced
  if (ofUsers.has('')) await users.rename([['', aside]])
  if (built || (undoing && ofEvents.has(replaced)))
    await events.rename([
      ...(ofEvents.has('') ? ([['', aside]] as const) : []),
      [undoing ? replaced : restoring, ''],
    ])
  await users.rename([[`restored_${stamp}`, '']])
}

/**
 * Undoes the latest restore: the databases it replaced are served again.
 *
 * @throws Error when none are kept
 */
export async function undoSwitch(sites: Sites): Promise<void> {
  const [users, events] = [await sites.users.stages(), await sites.events.stages()]
  const kept = [...users].filter((stage) => stage.startsWith('replaced_') && events.has(stage)).sort()
  const latest = kept.at(-1)
  if (latest === undefined || !users.has('')) throw new Error('there is no restore to undo')
  const stamp = latest.slice('replaced_'.length)
  await untilSwitched(sites, async () => {
    await sites.users.rename([
      [latest, `restored_${stamp}`],
      ['', `undone_${stamp}`],
    ])
    await finishSwitch(sites, stamp)
  })
}

/** Drops leftovers of restores that were interrupted before the switch. */
export async function dropDrafts(sites: Sites): Promise<void> {
  // One of them is needed to finish it.
  if ((await interruptedSwitch(sites)) !== undefined) return
  for (const name of databaseNames)
    for (const stage of await sites[name].stages()) if (isDraft(stage)) await sites[name].drop(stage)
}
