import { openUsersDatabase, type UsersDatabase } from '@user-stats/prisma-users'
import { inTransaction } from './database/transaction.ts'
import { rotateSigningKeys, type Rotated } from './modules/token/signing-key-rows.ts'
import { createMasterKeys, parseMasterKey } from './vault/master-key.ts'
import { rewrapAll, type RewrapOptions } from './vault/rewrap.ts'

// What is done to the keys of a users database from outside the service.

export { createMasterKeys, parseMasterKey }

/** Milliseconds for which a new signing key is published before it signs: as long as others may cache the key set. */
const lead = 300_000

async function onDatabase<T>(url: string, work: (db: UsersDatabase) => Promise<T>): Promise<T> {
  // Counting what is left reads a whole table.
  const db = openUsersDatabase({ url, maxConnections: 3, statementTimeout: 600_000, name: 'user-stats keys' })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** {@link rewrapAll} on a database given by URL. */
export const replaceMasterKey = ({
  url,
  ...options
}: Omit<RewrapOptions, 'db'> & { readonly url: string }): Promise<number> =>
  onDatabase(url, (db) => rewrapAll({ db, ...options }))

/** {@link rotateSigningKeys} on a database given by URL; the new key signs in five minutes. */
export const replaceSigningKey = ({
  url,
  masterKeys,
  compromised = false,
}: Pick<RewrapOptions, 'masterKeys'> & {
  readonly url: string
  readonly compromised?: boolean
}): Promise<Rotated> =>
  onDatabase(url, ({ prisma }) =>
    inTransaction(prisma, (tx) => rotateSigningKeys(tx, { masterKeys, now: new Date(), lead, compromised })),
  )
