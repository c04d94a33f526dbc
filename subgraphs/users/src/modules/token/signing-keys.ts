import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { PrismaClient } from '@user-stats/prisma-users'
import { tokenAlgorithm, type KeySource } from '@user-stats/service'
import type { Db } from '../../database/transaction.ts'
import type { MasterKey } from '../../vault/master-key.ts'

const generate = promisify(generateKeyPair)

interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
}

export interface SigningKeysOptions {
  readonly prisma: PrismaClient
  readonly masterKey: MasterKey
  readonly clock: () => Date
  /** Milliseconds for which a retired key is still published: what it signed has expired by then. */
  readonly afterlife: number
  /** Milliseconds after which the keys are read again. */
  readonly maxAge?: number
  /** Milliseconds between two readings for keys that do not exist: strangers must not make us ask more often. */
  readonly cooldown?: number
}

const placeOf = (kid: string): string => `signing-key:${kid}`

/** Makes the first signing key, unless there is one. To be called by one transaction at a time. */
export async function ensureSigningKey(tx: Db, masterKey: MasterKey, now: Date): Promise<void> {
  if ((await tx.signingKey.count({ where: { retiredAt: null } })) > 0) return
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 2048 })
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const kid = createHash('sha256').update(der).digest('base64url').slice(0, 22)
  await tx.signingKey.create({
    data: {
      kid,
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      privateKey: masterKey.wrap(privateKey.export({ type: 'pkcs8', format: 'der' }), placeOf(kid)),
      masterKeyId: masterKey.id,
      createdAt: now,
    },
  })
}

export type SigningKeys = ReturnType<typeof createSigningKeys>

/** The keys that tokens are signed and verified with, as the database holds them, remembered for a while. */
export function createSigningKeys({
  prisma,
  masterKey,
  clock,
  afterlife,
  maxAge = 30_000,
  cooldown = 2_000,
}: SigningKeysOptions) {
  let publicKeys = new Map<string, KeyObject>()
  let signer: SigningKey | undefined
  let readAt = -Infinity
  let reading: Promise<void> | undefined

  async function read(): Promise<void> {
    const rows = await prisma.signingKey.findMany({
      where: {
        OR: [{ retiredAt: null }, { retiredAt: { gt: new Date(clock().getTime() - afterlife) } }],
      },
      orderBy: [{ createdAt: 'asc' }, { kid: 'asc' }],
    })
    publicKeys = new Map(
      rows.map(({ kid, publicKey }) => [kid, publicKeys.get(kid) ?? createPublicKey(publicKey)]),
    )
    const newest = rows.findLast(
      ({ retiredAt, masterKeyId }) => retiredAt === null && masterKeyId === masterKey.id,
    )
    if (newest?.kid !== signer?.kid)
      signer = newest && {
        kid: newest.kid,
        privateKey: createPrivateKey({
          key: masterKey.unwrap(newest.privateKey, placeOf(newest.kid)),
          format: 'der',
          type: 'pkcs8',
        }),
      }
    readAt = clock().getTime()
  }

  const refresh = (): Promise<void> =>
    (reading ??= read().finally(() => {
      reading = undefined
    }))

  async function refreshAfter(age: number): Promise<void> {
    if (clock().getTime() - readAt >= age) await refresh()
  }

  return {
    /** For verifying our own tokens. */
    source: {
      async find(kid) {
        // Known keys go on working while the database is away.
        const known = publicKeys.get(kid)
        if (known !== undefined && clock().getTime() - readAt < maxAge) return known
        await refreshAfter(known === undefined ? cooldown : maxAge).catch((error: unknown) => {
          if (known === undefined) throw error
        })
        return publicKeys.get(kid)
      },
    } satisfies KeySource,

    /** The key to sign with: the newest that is not retired. */
    async signer(): Promise<SigningKey> {
      await refreshAfter(maxAge)
      if (signer === undefined) throw new Error('there is no signing key')
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
