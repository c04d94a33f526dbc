import path from 'node:path'
import { EnvError, kinds, readVariables, type RawEnv, type Variable } from '@user-stats/config'
import { dataDirVariable } from '../data-dir.ts'
import { databaseUrls, databaseVariables } from '../databases/urls.ts'

export const backupVariables = {
  KEY_BACKUP_DAYS: {
    schema: kinds.integer(1, 3_650, 30),
    about:
      "Days for which `npm run backup` keeps backups of users' data keys: after that, backups hold nothing readable of an erased user.",
    default: '30',
  },
} as const satisfies Record<string, Variable>

/**
 * What `npm run backup` and `npm run restore` read.
 *
 * @throws EnvError naming every variable that is wrong, a database that is not embedded included
 */
export function readBackupEnv(raw: RawEnv) {
  const env = readVariables({ ...dataDirVariable, ...databaseVariables, ...backupVariables }, raw)
  const faults: string[] = []
  for (const [name, urls] of Object.entries(databaseUrls(env, faults)))
    if (urls)
      faults.push(
        `${name.toUpperCase()}_DATABASE_URL: expected none, since only embedded databases are copied; ` +
          'use pg_dump for this one (docs/backup.md)',
      )
  if (faults.length > 0) throw new EnvError(faults)
  return { dataDir: path.resolve(env.DATA_DIR), keyBackupDays: env.KEY_BACKUP_DAYS } as const
}
