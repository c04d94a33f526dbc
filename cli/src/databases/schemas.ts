import { eventsSchema } from '@user-stats/prisma-events'
import { usersSchema } from '@user-stats/prisma-users'

/** Both databases: their Prisma schemas and migrations. */
export const schemas = { users: usersSchema, events: eventsSchema } as const

export type DatabaseName = keyof typeof schemas

export const databaseNames = ['users', 'events'] as const satisfies DatabaseName[]
