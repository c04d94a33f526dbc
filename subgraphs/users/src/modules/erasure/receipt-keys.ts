import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { PrismaClient } from '@user-stats/prisma-users'
import type { Db } from '../../database/transaction.ts'
import { generateKeyPairAsync, wrapKeyPair } from '../../vault/key-pair.ts'
import type { MasterKeys } from '../../vault/master-keys.ts'
import { receiptKeyAad } from '../../vault/aad.ts'

/** Access tokens use another algorithm, so that neither can be mistaken for the other. */
export const receiptAlgorithm = 'ES256'

/** Creates the first receipt key, unless there is one. Call it in one transaction at a time. */
export async function ensureReceiptKey(tx: Db, masterKeys: MasterKeys, now: Date): Promise<void> {
  if ((await tx.receiptKey.count({ where: { retiredAt: null } })) > 0) return
  const pair = await generateKeyPairAsync('ec', { namedCurve: 'P-256' })
  await tx.receiptKey.create({ data: { ...wrapKeyPair(pair, masterKeys, receiptKeyAad), createdAt: now } })
}

export type ReceiptKeys = ReturnType<typeof createReceiptKeys>

/** Receipt keys: the newest signs, all are published forever. */
export function createReceiptKeys({
  prisma,
  masterKeys,
}: {
  readonly prisma: PrismaClient
  readonly masterKeys: MasterKeys
}) {
  return {
    async signer(): Promise<{ readonly kid: string; readonly privateKey: KeyObject }> {
      const row = await prisma.receiptKey.findFirstOrThrow({
        where: { retiredAt: null },
        orderBy: [{ createdAt: 'desc' }, { kid: 'desc' }],
      })
      const key = masterKeys.unwrap(row.masterKeyId, row.privateKey, receiptKeyAad(row.kid))
      return { kid: row.kid, privateKey: createPrivateKey({ key, format: 'der', type: 'pkcs8' }) }
    },

    /** The key set, as published (RFC 7517). */
    async keySet() {
      const rows = await prisma.receiptKey.findMany({ orderBy: [{ createdAt: 'asc' }, { kid: 'asc' }] })
      return {
        keys: rows.map(({ kid, publicKey }) => ({
          ...createPublicKey(publicKey).export({ format: 'jwk' }),
          kid,
          use: 'sig',
          alg: receiptAlgorithm,
        })),
      }
    },
  }
}
