import { databaseNames } from './schemas.ts'
import { isDraft, type Site, type Sites, type Stage } from './site.ts'

// Two databases, perhaps on two servers, cannot be switched to at one stroke. So the users database is absent meanwhile,
// without which no service starts, and its name says what has to be finished.

/** @throws Error saying how to go on, when work fails after a switch has begun */
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
 * Puts both databases built under a stamp in the place of those that are served, which are kept. From the first step
 * on it can only be finished.
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

/** The stamp of a switch that was interrupted. */
export async function interruptedSwitch({ users }: Sites): Promise<string | undefined> {
  const begun = [...(await users.stages())].find((stage) => stage.startsWith('restored_'))
  return begun?.slice('restored_'.length)
}

/**
 * To be called before a database is created where none is served.
 *
 * @throws Error when a switch was interrupted
 */
export async function requireNoSwitch(site: Pick<Site, 'stages' | 'describe'>): Promise<void> {
  const stages = [...(await site.stages())]
  const begun = stages.some((stage) => stage.startsWith('restored_'))
  if (begun || (!stages.includes('') && stages.some((stage) => stage.startsWith('replaced_'))))
    throw new Error(
      `a restore was interrupted while it switched to ${site.describe('')}: run the restore again to finish it.`,
    )
}

/** Finishes a switch, or that of {@link undoSwitch}, from wherever it stands. */
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
 * Takes back the latest restore: what it replaced is served again.
 *
 * @throws Error when nothing is kept
 */
export async function undoSwitch(sites: Sites): Promise<void> {
  const [users, events] = [await sites.users.stages(), await sites.events.stages()]
  const kept = [...users].filter((stage) => stage.startsWith('replaced_') && events.has(stage)).sort()
  const latest = kept.at(-1)
  if (latest === undefined || !users.has('')) throw new Error('no restore has left anything to go back to')
  const stamp = latest.slice('replaced_'.length)
  await untilSwitched(sites, async () => {
    await sites.users.rename([
      [latest, `restored_${stamp}`],
      ['', `undone_${stamp}`],
    ])
    await finishSwitch(sites, stamp)
  })
}

/** Drops what restores have left that broke off before the switch. */
export async function dropDrafts(sites: Sites): Promise<void> {
  // Then one of them is needed to finish it.
  if ((await interruptedSwitch(sites)) !== undefined) return
  for (const name of databaseNames)
    for (const stage of await sites[name].stages()) if (isDraft(stage)) await sites[name].drop(stage)
}
