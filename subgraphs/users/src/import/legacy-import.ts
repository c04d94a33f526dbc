import type { UsersDatabase } from '@user-stats/prisma-users'
import { prepareFirstStart } from '../bootstrap/first-start.ts'
import { createAudit } from '../modules/audit/audit.service.ts'
import { createUserRepository } from '../modules/user/user.repository.ts'
import type { MasterKeys } from '../vault/master-keys.ts'
import { createVault } from '../vault/vault.ts'
import { createStoreImport } from './legacy-stores.ts'
import { createUserImport } from './legacy-users.ts'

export { standInEmail } from './legacy-users.ts'
export type { ImportedUser, LegacyUser } from './legacy-users.ts'
export type { LegacyKey, LegacyStore } from './legacy-stores.ts'

export interface LegacyImportOptions {
  readonly db: UsersDatabase
  readonly masterKeys: MasterKeys
  /** What the audit log calls whoever does this. */
  readonly command: string
  readonly clock: () => Date
}

/**
 * Takes stores, API keys and users of the previous system over: keys as hashes, personal data sealed, all of
 * it in the audit log. To be used by the owner, beside a running service or without one.
 *
 * @throws Error in the operator's terms when the master key is not the one of this database
 */
export async function createLegacyImport({ db, masterKeys, command, clock }: LegacyImportOptions) {
  const { prisma, pool } = db
  const log = { info: () => undefined, warn: () => undefined }
  const { blindKey } = await prepareFirstStart({ prisma, masterKeys, adminApiKey: undefined, clock, log })
  const vault = createVault({ masterKeys, blindKey })
  const audit = createAudit({ prisma, clock })
  const rows = createUserRepository({ vault, pool })
  return {
    stores: createStoreImport({ prisma, audit, command, clock }),
    users: createUserImport({ prisma, rows, vault, audit, command, clock }),
  }
}
