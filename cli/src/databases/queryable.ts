import type { UsersDatabase } from '@user-stats/prisma-users'

/** The part of a pool or a connection that reads rows. */
export type Queryable = Pick<UsersDatabase['pool'], 'query'>
