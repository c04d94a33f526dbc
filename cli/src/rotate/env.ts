import path from 'node:path'
import { EnvError, readVariables, type RawEnv, type Variable } from '@user-stats/config'
import { databaseUrls, databaseVariables } from '../databases/urls.ts'
import { dataDirVariable } from '../data-dir.ts'
import { masterKeyVariables } from '../known-master-keys.ts'

/** The variables of `npm run rotate:…`. */
const rotateVariables = {
  ...dataDirVariable,
  USERS_DATABASE_URL: databaseVariables.USERS_DATABASE_URL,
  USERS_OWNER_URL: databaseVariables.USERS_OWNER_URL,
  ...masterKeyVariables,
} as const satisfies Record<string, Variable>

export type RotateEnv = ReturnType<typeof readRotateEnv>

/** @throws EnvError naming every variable that is wrong */
export function readRotateEnv(raw: RawEnv) {
  const env = readVariables(rotateVariables, raw)
  const faults: string[] = []
  const databases = databaseUrls(env, faults)
  if (env.MASTER_KEY === undefined && env.MASTER_KEY_PREVIOUS !== undefined)
    faults.push('MASTER_KEY: expected the new master key, with MASTER_KEY_PREVIOUS')
  if (faults.length > 0) throw new EnvError(faults)
  return {
    dataDir: path.resolve(env.DATA_DIR),
    databases,
    masterKey: env.MASTER_KEY,
    previousMasterKey: env.MASTER_KEY_PREVIOUS,
  } as const
}
