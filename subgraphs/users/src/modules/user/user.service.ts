import { createUserLookup } from './lookup.ts'
import { createUserQueries, type UserQueriesOptions } from './queries.ts'
import { createUserCommands, type UserCommandsOptions } from './commands.ts'
import { createRegistration, type RegistrationOptions } from './register.ts'

export type { UserReference } from './queries.ts'
export type { UserRecord } from './user.repository.ts'

export type UsersOptions = Omit<UserQueriesOptions & RegistrationOptions & UserCommandsOptions, 'finding'>

export type Users = ReturnType<typeof createUsers>

/** Registered users: personal data, for the store it belongs to and for admins. */
export function createUsers(options: UsersOptions) {
  const finding = createUserLookup(options)
  return {
    ...createUserQueries({ ...options, finding }),
    ...createRegistration(options),
    ...createUserCommands({ ...options, finding }),
  }
}
