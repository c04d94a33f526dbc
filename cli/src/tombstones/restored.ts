import { recordAudit, statementsOn } from '@user-stats/audit-log'
import { createAccessReplay } from '@user-stats/users/access-replay'
import type { Terminal } from '../terminal.ts'
import type { Pools, ReplayOptions } from './pools.ts'
import type { Replayed } from './replay.ts'

const none: Replayed = { erasures: 0, eventsDeleted: 0, keys: 0, stores: 0 }

/** Prints one line for each kind of action that was repeated. */
export function reportReplayed(all: readonly Replayed[], terminal: Terminal): Replayed {
  const total = all.reduce(
    (sum, one) => ({
      erasures: sum.erasures + one.erasures,
      eventsDeleted: sum.eventsDeleted + one.eventsDeleted,
      keys: sum.keys + one.keys,
      stores: sum.stores + one.stores,
    }),
    none,
  )
  terminal.line(
    'erased',
    `${String(total.erasures)} erasures carried out again, ${String(total.eventsDeleted)} events deleted`,
  )
  terminal.line(
    'access',
    `${String(total.keys)} API keys ended again, ${String(total.stores)} stores blocked again`,
  )
  return total
}

export interface RestoredOptions extends ReplayOptions {
  readonly terminal: Terminal
  /** The restored backup's time, or the time of its tombstones. */
  readonly instant: string
  readonly erasures: number
}

/**
 * Completes every restore: earlier tokens are rejected, and both audit logs record the restore, since their
 * entries after the backup are lost.
 */
export async function endRestore(
  { users, events }: Pools,
  { command, clock, terminal, instant, erasures }: RestoredOptions,
): Promise<void> {
  const access = createAccessReplay({ pool: users, command, clock })
  if ((await access.destroySigningKeys()) > 0)
    terminal.line('access', 'earlier tokens are rejected: clients must authenticate again')
  for (const pool of [users, events])
    await recordAudit(
      statementsOn(pool),
      { command },
      { action: 'DATABASE_RESTORED', storeId: null, recordIds: [instant], recordCount: erasures },
      clock(),
    )
  if (!(await access.hasAdmin()))
    terminal.line('secrets', 'no admin key works: start with ADMIN_API_KEY set to a new one')
}
