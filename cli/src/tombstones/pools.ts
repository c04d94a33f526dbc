import type { EventsDatabase } from '@user-stats/prisma-events'
import type { UsersDatabase } from '@user-stats/prisma-users'

/** Pools of both databases, as roles that own them. */
export interface Pools {
  readonly users: UsersDatabase['pool']
  readonly events: EventsDatabase['pool']
}

export interface ReplayOptions {
  /** What the audit logs call whoever does this. */
  readonly command: string
  readonly clock: () => Date
}
