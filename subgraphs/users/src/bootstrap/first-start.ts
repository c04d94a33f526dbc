import { randomBytes } from 'node:crypto'
import type { PrismaClient } from '@user-stats/prisma-users'
import type { Logger } from '@user-stats/http'
import { inTransaction, lockTask, type Db } from '../database/transaction.ts'
import { createAudit, type Audit } from '../modules/audit/audit.service.ts'
import { adoptKey } from '../modules/api-key/secret.ts'
import { ensureReceiptKey } from '../modules/erasure/receipt-keys.ts'
import { ensureSigningKey } from '../modules/token/signing-key-rotation.ts'
import type { MasterKeys } from '../vault/master-keys.ts'
import { wrappedKeyAad } from '../vault/aad.ts'

export interface FirstStartOptions {
  readonly prisma: PrismaClient
  readonly masterKeys: MasterKeys
  readonly adminApiKey: string | undefined
  readonly clock: () => Date
  readonly log: Pick<Logger, 'info' | 'warn'>
}

const blindPurpose = 'blind-index'
const blindKeyAad = wrappedKeyAad(blindPurpose)

/**
 * Creates at the first start what every start needs: the key of the blind indexes, the first signing key and
 * receipt key, the first admin key. Concurrent replicas are serialised.
 *
 * @returns the key of the blind indexes
 * @throws Error with a one-line message when MASTER_KEY is not the key of this database
 */
export const prepareFirstStart = async ({
  prisma,
  masterKeys,
  adminApiKey,
  clock,
  log,
}: FirstStartOptions): Promise<{ blindKey: Uint8Array }> =>
  inTransaction(prisma, async (tx) => {
    await lockTask(tx, 'firstStart')
    const blindKey = await ensureBlindKey(tx, masterKeys, clock())
    await ensureSigningKey(tx, masterKeys, clock())
    await ensureReceiptKey(tx, masterKeys, clock())
    if (adminApiKey !== undefined)
      await ensureAdminKey(tx, adminApiKey, { clock, log, audit: createAudit({ prisma, clock }) })
    return { blindKey }
  })

async function ensureBlindKey(tx: Db, masterKeys: MasterKeys, now: Date): Promise<Uint8Array> {
  const known = await tx.wrappedKey.findUnique({ where: { purpose: blindPurpose } })
  if (known === null) {
    const key = randomBytes(32)
    await tx.wrappedKey.create({
      data: {
        purpose: blindPurpose,
        key: masterKeys.wrap(key, blindKeyAad),
        masterKeyId: masterKeys.id,
        createdAt: now,
      },
    })
    return key
  }
  if (!masterKeys.opens(known.masterKeyId))
    throw new Error(
      `MASTER_KEY is not the key of this database: it needs the one with the id ${known.masterKeyId}, ` +
        `this one has ${masterKeys.id}.`,
    )
  return masterKeys.unwrap(known.masterKeyId, known.key, blindKeyAad)
}

async function ensureAdminKey(
  tx: Db,
  secret: string,
  { clock, log, audit }: Pick<FirstStartOptions, 'clock' | 'log'> & { readonly audit: Audit },
): Promise<void> {
  const now = clock()
  const usable = await tx.apiKey.count({
    where: { role: 'ADMIN', revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
  })
  if (usable > 0) return
  const data = adoptKey(secret, now)
  if ((await tx.apiKey.count({ where: { hash: data.hash } })) > 0) {
    log.warn('no admin key works, and ADMIN_API_KEY has been revoked: set another')
    return
  }
  await tx.apiKey.create({ data })
  await audit.record(
    tx,
    { command: 'start' },
    { action: 'API_KEY_CREATED', storeId: null, recordIds: [data.id] },
  )
  log.info('first admin key created')
}
