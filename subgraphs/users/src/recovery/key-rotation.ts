import { openUsersDatabase, type UsersDatabase } from '@user-stats/prisma-users'
import { inTransaction } from '../database/transaction.ts'
import { createAudit } from '../modules/audit/audit.service.ts'
import { rotateSigningKeys, type Rotated } from '../modules/token/signing-key-rotation.ts'
import { createMasterKeys, parseMasterKey } from '../vault/master-keys.ts'
import { rewrapAll, type RewrapOptions } from '../vault/rewrap.ts'

// Operations on the keys of a users database from outside the service.

export { createMasterKeys, parseMasterKey }
export { masterKeyId } from '../vault/master-keys.ts'
export { verifyKeys } from './verify-keys.ts'

/**
 * Milliseconds for which a new signing key is published before it signs: as long as others may cache the key
 * set.
 */
const lead = 300_000

async function onDatabase<T>(url: string, work: (db: UsersDatabase) => Promise<T>): Promise<T> {
  // Counting the remaining keys reads a whole table.
  const db = openUsersDatabase({ url, maxConnections: 3, statementTimeout: 600_000, name: 'user-stats keys' })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** {@link rewrapAll} on a database given by URL; recorded in the audit log by every run with work to do. */
export const replaceMasterKey = ({
  url,
  ...options
}: Omit<RewrapOptions, 'db' | 'record'> & { readonly url: string }): Promise<number> =>
  onDatabase(url, (db) =>
    rewrapAll({
      db,
      ...options,
      record: (tx, recordCount) =>
        createAudit({ prisma: db.prisma, clock: () => new Date() }).record(
          tx,
          { command: 'rotate:master-key' },
          { action: 'MASTER_KEY_ROTATED', storeId: null, recordIds: options.masterKeys.ids, recordCount },
        ),
    }),
  )

/**
 * {@link rotateSigningKeys} on a database given by URL, recorded in the audit log; the new key signs in five
 * minutes.
 */
export const replaceSigningKey = ({
  url,
  masterKeys,
  compromised = false,
}: Pick<RewrapOptions, 'masterKeys'> & {
  readonly url: string
  readonly compromised?: boolean
}): Promise<Rotated> =>
  onDatabase(url, ({ prisma }) =>
    inTransaction(prisma, async (tx) => {
      const rotated = await rotateSigningKeys(tx, { masterKeys, now: new Date(), lead, compromised })
      const { kid, retired, removed } = rotated
      await createAudit({ prisma, clock: () => new Date() }).record(
        tx,
        { command: `rotate:signing-key${compromised ? ' --compromised' : ''}` },
        { action: 'SIGNING_KEY_ROTATED', storeId: null, recordIds: [kid, ...retired, ...removed] },
      )
      return rotated
    }),
  )
