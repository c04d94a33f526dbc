import { connect, inTransaction } from '@user-stats/postgres'
import { recordAudit, statementsOn } from '@user-stats/audit-log'
import { reachDatabases } from '../databases/reach.ts'
import { databaseNames } from '../databases/schemas.ts'
import type { CommandContext } from '../command-context.ts'
import { readMigrateEnv } from '../migrate/env.ts'

/** Entries deleted in one transaction. */
const batch = 10_000

/**
 * Deletes entries of both audit logs older than a number of days, as the owner of the databases: serving
 * roles may not. The deletion and the number of entries are recorded first. Services may run meanwhile; an
 * interrupted run is completed by the next one.
 *
 * @throws Error with a one-line message
 */
export async function runPruneAuditLogs({
  days,
  env,
  terminal,
  signal,
  clock = () => new Date(),
}: CommandContext & { readonly days: number }): Promise<number> {
  const now = clock()
  const before = new Date(now.getTime() - days * 86_400_000)
  await using undo = new AsyncDisposableStack()
  const urls = await reachDatabases(readMigrateEnv(env), terminal, undo, { signal })
  for (const name of databaseNames) {
    const pruned = await prune(urls[name], before, now, (count) => {
      terminal.line('prune', `${name}: ${count.toLocaleString('en')} entries deleted so far`)
      signal?.throwIfAborted()
    })
    terminal.line('prune', `${name}: ${pruned.toLocaleString('en')} entries before ${before.toISOString()}`)
  }
  return 0
}

async function prune(
  ownerUrl: string,
  before: Date,
  now: Date,
  progress: (count: number) => void,
): Promise<number> {
  await using owner = await connect(ownerUrl)
  const { rows } = await owner.query<{ count: string }>('SELECT count(*) FROM audit_log WHERE at < $1', [
    before,
  ])
  const recordCount = Number(rows[0]?.count ?? 0)
  if (recordCount === 0) return 0
  let deleted = 0
  for (;;) {
    let removed = 0
    await inTransaction(owner, async () => {
      if (deleted === 0)
        await recordAudit(
          statementsOn(owner),
          { command: 'prune-audit-log' },
          { action: 'AUDIT_LOG_PRUNED', storeId: null, recordIds: [], recordCount },
          now,
        )
      const result = await owner.query(
        `DELETE FROM audit_log WHERE (store_id, at, id) IN (
           SELECT store_id, at, id FROM audit_log WHERE at < $1 ORDER BY at, id LIMIT ${String(batch)})`,
        [before],
      )
      removed = result.rowCount ?? 0
    })
    deleted += removed
    if (removed < batch) return deleted
    progress(deleted)
  }
}
