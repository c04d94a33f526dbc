import { dayMs } from '@user-stats/core'
import { lockTask, type Db } from '../../database/transaction.ts'
import { generateKeyPairAsync, wrapKeyPair } from '../../vault/key-pair.ts'
import type { MasterKeys } from '../../vault/master-keys.ts'
import { signingKeyAad } from '../../vault/aad.ts'

/**
 * Milliseconds after which nothing signed by a retired key is valid: twice the longest lifetime of a token.
 */
const longestAfterlife = 2 * dayMs

async function createKey(tx: Db, masterKeys: MasterKeys, now: Date, signsFrom: Date): Promise<string> {
  const pair = await generateKeyPairAsync('rsa', { modulusLength: 2048 })
  const kept = wrapKeyPair(pair, masterKeys, signingKeyAad)
  await tx.signingKey.create({ data: { ...kept, createdAt: now, signsFrom } })
  return kept.kid
}

/** Creates the first signing key, unless there is one. Call it in one transaction at a time. */
export async function ensureSigningKey(tx: Db, masterKeys: MasterKeys, now: Date): Promise<void> {
  if ((await tx.signingKey.count({ where: { retiredAt: null } })) > 0) return
  await createKey(tx, masterKeys, now, now)
}

export interface RotateOptions {
  readonly masterKeys: MasterKeys
  readonly now: Date
  /** Milliseconds between publishing the new key and signing with it. */
  readonly lead: number
  /** Whether the existing keys are compromised: they are destroyed, and the new one signs at once. */
  readonly compromised: boolean
}

export interface Rotated {
  readonly kid: string
  readonly signsFrom: Date
  /** Keys that no longer sign from then on. */
  readonly retired: readonly string[]
  /** Keys that were destroyed. */
  readonly removed: readonly string[]
}

/**
 * Creates a new signing key. It is published at once and signs later, when all verifiers know it. Previous
 * keys sign until then, and stay published while tokens they signed are valid. Keys without valid tokens are
 * destroyed.
 */
export async function rotateSigningKeys(
  tx: Db,
  { masterKeys, now, lead, compromised }: RotateOptions,
): Promise<Rotated> {
  await lockTask(tx, 'firstStart')
  const signsFrom = new Date(now.getTime() + (compromised ? 0 : lead))
  const before = compromised ? {} : { retiredAt: { lt: new Date(now.getTime() - longestAfterlife) } }
  const removed = await tx.signingKey.findMany({ where: before, select: { kid: true } })
  await tx.signingKey.deleteMany({ where: { kid: { in: removed.map(({ kid }) => kid) } } })
  const active = await tx.signingKey.findMany({ where: { retiredAt: null }, select: { kid: true } })
  await tx.signingKey.updateMany({ where: { retiredAt: null }, data: { retiredAt: signsFrom } })
  const kid = await createKey(tx, masterKeys, now, signsFrom)
  return { kid, signsFrom, retired: active.map((key) => key.kid), removed: removed.map((key) => key.kid) }
}
