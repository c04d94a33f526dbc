import type { Pool } from 'pg'
import { eventsDbOver } from '@user-stats/prisma-events'
import type { AuditContext } from '@user-stats/audit-log'
import { createAccess } from '../modules/access/access.service.ts'
import { createAudit } from '../modules/audit/audit.service.ts'
import { createCommands } from '../modules/command/command.service.ts'
import { createErasures } from '../modules/deletion/erasure.service.ts'
import type { CommandKey, Progress } from '../modules/deletion/progress.ts'

/** As the users service tells it, and found in the audit log under a name of its own. */
const ourselves: AuditContext = {
  caller: { role: 'SERVICE', service: 'users' },
  requestId: 'replay-erasures',
}

async function untilFinished(step: () => Promise<Progress>): Promise<number> {
  for (;;) {
    const { finished, eventsDeleted } = await step()
    if (finished) return eventsDeleted
  }
}

/** Erases again, in a database that was restored, what had been erased: by the service's own commands. */
export function createErasureReplay({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  const db = eventsDbOver(pool)
  const { prisma } = db
  const audit = createAudit({ prisma, access: createAccess({ pool, clock }), clock })
  const commands = createCommands({ db, audit, clock, erasures: createErasures({ db, clock }) })
  return {
    /** The highest number of a command this database has carried out. */
    async lastCommand(): Promise<number> {
      const newest = { _max: { commandId: true } } as const
      const last = [
        await prisma.erasure.aggregate(newest),
        await prisma.storeAccess.aggregate(newest),
        await prisma.storeSettings.aggregate(newest),
      ]
      return Math.max(...last.map(({ _max: { commandId } }) => Number(commandId ?? 0)))
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
