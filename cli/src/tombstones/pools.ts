import type { EventsDatabase } from '@user-stats/prisma-events'
import type { UsersDatabase } from '@user-stats/prisma-users'

/** Pools of both databases, as their owners. */
export interface Pools {
  readonly users: UsersDatabase['pool']
  readonly events: EventsDatabase['pool']
}

export interface ReplayOptions {
  /** The actor in the audit logs. */
  readonly command: string
  readonly clock: () => Date
}
