import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { PrismaClient, SigningKey as SigningKeyRow } from '@user-stats/prisma-users'
import { singleFlight, tokenAlgorithm, type KeySource } from '@user-stats/core'
import type { MasterKeys } from '../../vault/master-keys.ts'
import { signingKeyAad } from '../../vault/aad.ts'

interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
}

export interface SigningKeysOptions {
  readonly prisma: PrismaClient
  readonly masterKeys: MasterKeys
  readonly clock: () => Date
  /** Milliseconds for which a retired key stays published: its tokens have expired by then. */
  readonly afterlife: number
  /** Milliseconds after which the keys are read again. */
  readonly maxAge?: number
  /** Milliseconds between reads for unknown key ids: anonymous callers must not cause more. */
  readonly cooldown?: number
}

export type SigningKeys = ReturnType<typeof createSigningKeys>

/** The signing and verification keys in the database, cached for a while. */
export function createSigningKeys({
  prisma,
  masterKeys,
  clock,
  afterlife,
  maxAge = 30_000,
  cooldown = 2_000,
}: SigningKeysOptions) {
  let publicKeys = new Map<string, KeyObject>()
  let candidates: readonly SigningKeyRow[] = []
  let signer: SigningKey | undefined
  let readAt = -Infinity

  async function read(): Promise<void> {
    const rows = await prisma.signingKey.findMany({
      where: {
        OR: [{ retiredAt: null }, { retiredAt: { gt: new Date(clock().getTime() - afterlife) } }],
      },
      orderBy: [{ signsFrom: 'asc' }, { kid: 'asc' }],
    })
    publicKeys = new Map(
      rows.map(({ kid, publicKey }) => [kid, publicKeys.get(kid) ?? createPublicKey(publicKey)]),
    )
    candidates = rows.filter(({ masterKeyId }) => masterKeys.opens(masterKeyId))
    readAt = clock().getTime()
  }

  /** The current key: the newest that may sign already. */
  function current(): SigningKeyRow | undefined {
    const now = clock()
    const active = candidates.filter(({ retiredAt }) => retiredAt === null || retiredAt > now)
    return active.findLast(({ signsFrom }) => signsFrom <= now) ?? active[0]
  }

  const refresh = singleFlight(read)

  async function refreshAfter(age: number): Promise<void> {
    if (clock().getTime() - readAt >= age) await refresh()
  }

  return {
    /** For verifying our own tokens. */
    source: {
      async find(kid) {
        // Cached keys remain usable while the database is unavailable.
        const known = publicKeys.get(kid)
        if (known !== undefined && clock().getTime() - readAt < maxAge) return known
        await refreshAfter(known === undefined ? cooldown : maxAge).catch((error: unknown) => {
          if (known === undefined) throw error
        })
        return publicKeys.get(kid)
      },
    } satisfies KeySource,

    /** The key to sign with. */
    async signer(): Promise<SigningKey> {
      await refreshAfter(maxAge)
      const row = current()
      if (row === undefined) throw new Error('there is no signing key')
      if (signer?.kid === row.kid) return signer
      const der = masterKeys.unwrap(row.masterKeyId, row.privateKey, signingKeyAad(row.kid))
      signer = {
        kid: row.kid,
        privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }),
      }
      return signer
    },

    /** The key set, as published (RFC 7517). */
    async keySet() {
      await refreshAfter(1_000)
      return {
        keys: [...publicKeys].map(([kid, key]) => ({
          ...key.export({ format: 'jwk' }),
          kid,
          use: 'sig',
          alg: tokenAlgorithm,
        })),
      }
    },
  }
}
