import path from 'node:path'
import { EnvError, parsers, readVariables, type RawEnv, type Variable } from '@user-stats/config'
import { dataDirVariable } from '../data-dir.ts'
import { adminVariables, databaseUrls, databaseVariables } from '../databases/urls.ts'
import { masterKeyVariables } from '../known-master-keys.ts'

export const backupVariables = {
  KEY_BACKUP_DAYS: {
    schema: parsers.integer(1, 3_650, 30),
    about:
      "Days for which `npm run backup` keeps backups of users' data keys: after that, backups hold nothing readable of an erased user.",
    default: '30',
  },
} as const satisfies Record<string, Variable>

/**
 * The variables of `npm run backup` and `npm run restore`.
 *
 * @throws EnvError naming every variable that is wrong
 */
export function readBackupEnv(raw: RawEnv) {
  const env = readVariables(
    {
      ...dataDirVariable,
      ...databaseVariables,
      ...adminVariables,
      ...masterKeyVariables,
      ...backupVariables,
    },
    raw,
  )
  const faults: string[] = []
  const databases = databaseUrls(env, faults)
  if (faults.length > 0) throw new EnvError(faults)
  return {
    dataDir: path.resolve(env.DATA_DIR),
    databases,
    keyBackupDays: env.KEY_BACKUP_DAYS,
    masterKey: env.MASTER_KEY,
    previousMasterKey: env.MASTER_KEY_PREVIOUS,
  } as const
}
