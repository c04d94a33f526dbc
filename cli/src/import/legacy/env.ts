import path from 'node:path'
import { EnvError, readVariables, type RawEnv, type Variable } from '@user-stats/config'
import { dataDirVariable } from '../../data-dir.ts'
import { databaseUrls, databaseVariables } from '../../databases/urls.ts'
import { masterKeyVariables } from '../../known-master-keys.ts'

const importVariables = {
  ...dataDirVariable,
  ...databaseVariables,
  ...masterKeyVariables,
} as const satisfies Record<string, Variable>

/** What `user-stats import legacy` reads. @throws EnvError naming every variable that is wrong */
export function readImportEnv(raw: RawEnv) {
  const env = readVariables(importVariables, raw)
  const faults: string[] = []
  const databases = databaseUrls(env, faults)
  if (faults.length > 0) throw new EnvError(faults)
  return {
    dataDir: path.resolve(env.DATA_DIR),
    databases,
    masterKey: env.MASTER_KEY,
    previousMasterKey: env.MASTER_KEY_PREVIOUS,
  } as const
}
