import { verifyAll } from '@user-stats/events/verification'
import type { Queryable } from '../databases/queryable.ts'
import type { Terminal } from '../terminal.ts'
import { verifyUsers } from './users.ts'

type Pool = Parameters<typeof verifyAll>[0]['pool']

/**
 * Recounts everything and prints one line for each check and each fault.
 *
 * @returns whether there are no faults
 */
export async function reportVerification(
  { users, events }: { readonly users: Queryable; readonly events: Pool },
  terminal: Terminal,
  clock: () => Date,
): Promise<boolean> {
  const people = await verifyUsers(users)
  terminal.line('verify', `users: ${String(people.users)} checked`)
  if (people.withoutKey > 0) terminal.line('wrong', `users: ${String(people.withoutKey)} without a data key`)
  if (people.orphanedKeys > 0)
    terminal.line('wrong', `users: ${String(people.orphanedKeys)} data keys without a user`)

  const rollups = await reportRollups(events, terminal, clock)
  return people.withoutKey === 0 && people.orphanedKeys === 0 && rollups
}

/** The events' part of {@link reportVerification}. */
export async function reportRollups(events: Pool, terminal: Terminal, clock: () => Date): Promise<boolean> {
  const all = await verifyAll({
    pool: events,
    clock,
    onMonth: (month, done, of) => {
      terminal.line('verify', `events: ${month} recounted (${String(done)} of ${String(of)} months)`)
    },
  })
  const skipped = all.skippedDays > 0 ? `, ${String(all.skippedDays)} without raw events skipped` : ''
  terminal.line(
    'verify',
    `events: ${String(all.eventsCounted)} recounted over ${String(all.checkedDays)} days of stores${skipped}`,
  )
  for (const { storeId, rollup, date, type, recounted, held } of all.differences)
    terminal.line(
      'wrong',
      `events: store ${String(storeId)}, ${rollup.toLowerCase()}, ${date}${type === null ? '' : `, type "${type}"`}: ` +
        `${String(held.events)} events of ${String(held.users)} users held, ` +
        `${String(recounted.events)} of ${String(recounted.users)} recounted`,
    )
  if (all.differenceCount > 0)
    terminal.line('wrong', `events: ${String(all.differenceCount)} rows of rollups differ from the recount`)
  return all.differenceCount === 0
}
