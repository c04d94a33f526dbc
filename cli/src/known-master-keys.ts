import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type { Variable } from '@user-stats/config'
import { usersVariables } from '@user-stats/users/env'
import { masterKeyId, parseMasterKey } from '@user-stats/users/keys'
import { masterKeyFile } from './master-key.ts'
import { readText } from './durable-file.ts'

/** As in the users service, but the data directory may contain the key instead. */
export const masterKeyVariables = {
  MASTER_KEY: { ...usersVariables.MASTER_KEY, schema: usersVariables.MASTER_KEY.schema.optional() },
  MASTER_KEY_PREVIOUS: usersVariables.MASTER_KEY_PREVIOUS,
} as const satisfies Record<string, Variable>

export interface KnownKey {
  readonly id: string
  readonly key: Uint8Array
  /** The variable or file that contains it. */
  readonly source: string
}

export interface KnownKeys {
  /** The key that services start with. */
  readonly current: KnownKey | undefined
  /** That key first, then all other known ones. */
  readonly all: readonly KnownKey[]
}

export interface MasterKeyEnv {
  readonly dataDir: string
  readonly masterKey: Uint8Array | undefined
  readonly previousMasterKey: Uint8Array | undefined
}

/**
 * The known master keys: those of the variables, and the files `master-key`, `master-key-previous` and
 * `master-key-<id>` of the data directory.
 *
 * @throws Error when the file of the current key contains no key
 */
export async function findMasterKeys(env: MasterKeyEnv): Promise<KnownKeys> {
  const file = masterKeyFile(env.dataDir)
  const names = (await readdir(env.dataDir).catch(() => [])).filter((name) => fileName.test(name)).sort()
  const kept = (await Promise.all(names.map((name) => readKey(path.join(env.dataDir, name))))).flat()
  const [current = kept.find(({ source }) => source === file)] = knownKey(env.masterKey, 'MASTER_KEY')
  if (!current && (await readText(file)) !== undefined)
    throw new Error(`${file} does not hold a master key: restore that file`)
  const others = [...knownKey(env.previousMasterKey, 'MASTER_KEY_PREVIOUS'), ...kept]
  return { current, all: current ? [current, ...others] : others }
}

const fileName = /^master-key(?:-previous|-[\da-f]{16})?$/

const knownKey = (key: Uint8Array | undefined, source: string): KnownKey[] =>
  key === undefined ? [] : [{ id: masterKeyId(key), key, source }]

async function readKey(file: string): Promise<KnownKey[]> {
  const text = await readText(file)
  return text === undefined ? [] : knownKey(parseMasterKey(text), file)
}

/** Formats for a message: which keys are in use, and where they are. */
export function describeKeys(ids: readonly string[], { all }: KnownKeys): string {
  const one = (id: string) => {
    const source = all.find((known) => known.id === id)?.source
    return `the master key with the id ${id}${source === undefined ? '' : ` (${source})`}`
  }
  return ids.map(one).join(' and ')
}
