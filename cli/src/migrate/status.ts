import { migrationStatus, type MigrationStatus } from '@user-stats/postgres'
import { schemas, type DatabaseName } from '../databases/schemas.ts'
import type { Terminal } from '../terminal.ts'

const words = {
  applied: 'applied',
  pending: 'pending',
  failed: 'failed',
  unknown: 'applied, of another version',
  edited: 'applied, edited since',
} as const satisfies Record<keyof MigrationStatus, string>

/** Prints a line for each known or recorded migration. @returns whether none is pending or failed */
export async function reportStatus(
  { name, ownerUrl }: { name: DatabaseName; ownerUrl: string },
  terminal: Terminal,
): Promise<boolean> {
  const status = await migrationStatus({ url: ownerUrl, ...schemas[name] })
  const special = new Set([...status.unknown, ...status.edited])
  const kinds = ['applied', 'unknown', 'edited', 'failed', 'pending'] as const
  for (const kind of kinds)
    for (const migration of status[kind])
      if (kind !== 'applied' || !special.has(migration))
        terminal.line('status', `${name}: ${migration} ${words[kind]}`)
  return status.pending.length === 0 && status.failed.length === 0
}
