import { createProgress } from '../progress.ts'
import { repairUser } from './repair-user.ts'
import type { Report } from './report.ts'
import type { Source, UserRow } from './source.ts'
import type { Consumers, Target } from './stores.ts'

const texts = {
  ADDED: 'users',
  CHANGED: 'users changed there since an import before',
  KNOWN: 'users imported before',
  ERASED: 'users erased here since: left out',
  STORE_DELETED: 'users of stores deleted here since: left out',
} as const

const repairs = {
  email: 'e-mail that another user of the store has replaced by <id>@import.invalid',
  username: 'username that another user of the store has left out',
} as const

export interface ImportOptions {
  readonly source: Source
  /** Absent in a dry run. */
  readonly target: Target | undefined
  readonly consumers: Consumers
  readonly report: Report
  readonly line: (text: string) => void
  readonly signal: AbortSignal | undefined
}

/** Takes over users, page by page; those of a page and a store in one transaction. */
export async function importUsers({ source, target, consumers, report, line, signal }: ImportOptions) {
  const progress = createProgress(line, 'users')
  for await (const page of source.users()) {
    signal?.throwIfAborted()
    const byStore = new Map<number, UserRow[]>()
    for (const row of page) {
      const fault = consumers.fault(row.storeId)
      if (fault !== undefined || row.storeId === null) await report.rejected('user', row.id, fault ?? '', row)
      else byStore.set(row.storeId, [...(byStore.get(row.storeId) ?? []), row])
    }
    for (const [storeId, rows] of byStore) await write(storeId, rows, target, report)
    progress.add(page.length)
  }
  progress.end()
}

async function write(
  storeId: number,
  rows: readonly UserRow[],
  target: Target | undefined,
  report: Report,
): Promise<void> {
  const users = rows.map((row) => {
    const repaired: string[] = []
    return { user: repairUser(row, (what) => repaired.push(what)), repaired }
  })
  const outcomes = await target?.users.users.write(
    storeId,
    users.map(({ user }) => user),
  )
  for (const { user, repaired } of users) {
    const { outcome, repaired: taken } =
      outcomes?.get(user.id) ?? ({ outcome: 'ADDED', repaired: [] } as const)
    report.done('user', texts[outcome])
    if (outcome !== 'ADDED') continue
    for (const what of repaired) report.repaired('user', what)
    for (const field of taken) report.repaired('user', repairs[field])
  }
}
