import type { Pool } from 'pg'
import type { Acting } from '@user-stats/audit-log'
import { createAccess } from '../modules/access/access.service.ts'
import { createAudit } from '../modules/audit/audit.service.ts'
import { createCommands } from '../modules/command/command.service.ts'
import { createErasures } from '../modules/deletion/erasure.service.ts'
import type { CommandKey, Progress } from '../modules/deletion/progress.ts'

/** As the users service tells it, and found in the audit log under a name of its own. */
const ourselves: Acting = { caller: { role: 'SERVICE', service: 'users' }, requestId: 'replay-erasures' }

async function untilFinished(step: () => Promise<Progress>): Promise<number> {
  for (;;) {
    const { finished, eventsDeleted } = await step()
    if (finished) return eventsDeleted
  }
}

/** Erases again, in a database that was restored, what had been erased: by the service's own commands. */
export function createErasureReplay({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  const audit = createAudit({ pool, access: createAccess({ pool, clock }), clock })
  const commands = createCommands({ pool, audit, clock, erasures: createErasures({ pool, clock }) })
  return {
    /** The highest number of a command this database has carried out. */
    async lastCommand(): Promise<number> {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT greatest((SELECT max(command_id) FROM erasures), (SELECT max(command_id) FROM store_access),
                         (SELECT max(command_id) FROM store_settings), 0) AS id`,
      )
      return Number(rows[0]?.id)
    },

    /** @returns how many events were deleted */
    user: ({ storeId, commandId }: CommandKey, userId: string, anonymise: boolean): Promise<number> =>
      untilFinished(() =>
        commands.applyUserErasure(ourselves, {
          storeId,
          commandId,
          userId,
          events: anonymise ? 'ANONYMISE' : 'ERASE',
        }),
      ),

    /** @returns how many events were deleted */
    store: ({ storeId, commandId }: CommandKey): Promise<number> =>
      untilFinished(() => commands.applyStoreDeletion(ourselves, { storeId, commandId })),
  }
}
