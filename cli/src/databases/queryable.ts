import type { UsersDatabase } from '@user-stats/prisma-users'

/** What of a pool or a connection is needed to read rows. */
export type Queryable = Pick<UsersDatabase['pool'], 'query'>
