import { createFinding } from './lookup.ts'
import { createReading, type ReadingOptions } from './queries.ts'
import { createRemoval, type RemovalOptions } from './delete.ts'
import { createWriting, type WritingOptions } from './commands.ts'
import { createRegistration, type RegistrationOptions } from './register.ts'

export type { UserReference } from './queries.ts'
export type { UserRecord } from './user.repository.ts'

export type UsersOptions = Omit<
  ReadingOptions & RegistrationOptions & WritingOptions & RemovalOptions,
  'finding'
>

export type Users = ReturnType<typeof createUsers>

/** Registered users: personal data, for the store it belongs to and for admins. */
export function createUsers(options: UsersOptions) {
  const finding = createFinding(options)
  return {
    ...createReading({ ...options, finding }),
    ...createRegistration(options),
    ...createWriting({ ...options, finding }),
    ...createRemoval({ ...options, finding }),
  }
}
