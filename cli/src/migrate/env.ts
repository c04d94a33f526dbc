import path from 'node:path'
import { EnvError, readVariables, type RawEnv, type Variable } from '@user-stats/config'
import { adminVariables, databaseUrls, databaseVariables } from '../databases/urls.ts'
import { dataDirVariable } from '../data-dir.ts'

/** The variables of `npm run migrate`. */
export const migrateVariables = {
  ...dataDirVariable,
  ...databaseVariables,
  ...adminVariables,
} as const satisfies Record<string, Variable>

/** @throws EnvError naming every variable that is wrong */
export function readMigrateEnv(raw: RawEnv) {
  const env = readVariables(migrateVariables, raw)
  const faults: string[] = []
  const databases = databaseUrls(env, faults)
  if (faults.length > 0) throw new EnvError(faults)
  return { dataDir: path.resolve(env.DATA_DIR), databases } as const
}
