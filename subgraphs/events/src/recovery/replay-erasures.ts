import type { Pool } from 'pg'
import { eventsDbOver } from '@user-stats/prisma-events'
import type { AuditContext } from '@user-stats/audit-log'
import { createAccess } from '../modules/access/access.service.ts'
import { createAudit } from '../modules/audit/audit.service.ts'
import { createCommands } from '../modules/command/command.service.ts'
import { createErasures } from '../modules/deletion/erasure.service.ts'
import type { CommandKey, Progress } from '../modules/deletion/progress.ts'

/** The actor of these commands: the users service, with a request id of its own in the audit log. */
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

/** Repeats erasures in a restored database, with the service's own commands. */
export function createErasureReplay({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  const db = eventsDbOver(pool)
  const { prisma } = db
  const audit = createAudit({ prisma, access: createAccess({ pool, clock }), clock })
  const commands = createCommands({ db, audit, clock, erasures: createErasures({ db, clock }) })
  return {
    /** The highest number of an executed command. */
    async lastCommand(): Promise<number> {
      const newest = { _max: { commandId: true } } as const
      const last = [
        await prisma.erasure.aggregate(newest),
        await prisma.storeAccess.aggregate(newest),
        await prisma.storeSettings.aggregate(newest),
      ]
      return Math.max(...last.map(({ _max: { commandId } }) => Number(commandId ?? 0)))
    },

    /** @returns the number of deleted events */
    user: ({ storeId, commandId }: CommandKey, userId: string, anonymise: boolean): Promise<number> =>
      untilFinished(() =>
        commands.applyUserErasure(ourselves, {
          storeId,
          commandId,
          userId,
          events: anonymise ? 'ANONYMISE' : 'ERASE',
        }),
      ),

    /** @returns the number of deleted events */
    store: ({ storeId, commandId }: CommandKey): Promise<number> =>
      untilFinished(() => commands.applyStoreDeletion(ourselves, { storeId, commandId })),
  }
}
