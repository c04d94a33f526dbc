import { createFinding } from './finding.ts'
import { createReading, type ReadingOptions } from './reading.ts'
import { createRemoval, type RemovalOptions } from './removal.ts'
import { createWriting, type WritingOptions } from './writing.ts'

export type { UserReference } from './reading.ts'
export type { UserRecord } from './user-rows.ts'

export type UsersOptions = Omit<ReadingOptions & WritingOptions & RemovalOptions, 'finding'>

export type Users = ReturnType<typeof createUsers>

/** Registered users: personal data, for the store it belongs to and for admins. */
export function createUsers(options: UsersOptions) {
  const finding = createFinding(options)
  return {
    ...createReading({ ...options, finding }),
    ...createWriting({ ...options, finding }),
    ...createRemoval({ ...options, finding }),
  }
}
