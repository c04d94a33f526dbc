import type { Terminal } from '../terminal.ts'
import type { Queryable } from './queryable.ts'
import { databaseNames } from './schemas.ts'
import type { Sites } from './site.ts'

/**
 * Whether a users service has started on this database since its restore: a restore leaves no signing key.
 */
export async function hasStarted(users: Queryable): Promise<boolean> {
  const { rows } = await users.query<{ started: boolean }>(
    'SELECT EXISTS (SELECT FROM signing_keys) AS started',
  )
  return rows[0]?.started === true
}

/**
 * Removes databases that restores replaced: they contain data keys of users erased since. Call after a
 * successful start.
 */
export async function removeReplaced(sites: Sites, terminal: Terminal): Promise<void> {
  for (const name of databaseNames)
    for (const stage of await sites[name].stages())
      if (stage.startsWith('replaced_')) {
        await sites[name].drop(stage)
        terminal.line('replaced', `${sites[name].describe(stage)}: removed, for a start has succeeded`)
      }
}
