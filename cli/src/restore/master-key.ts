import { existsSync } from 'node:fs'
import path from 'node:path'
import type { RawEnv } from '@user-stats/config'
import type { Terminal } from '../terminal.ts'
import type { Chosen } from './choose.ts'

/** Says which master keys are needed now: none is in a backup, and a new one would open nothing. */
export function sayMasterKeys(
  dataDir: string,
  raw: RawEnv,
  { backup, keys }: Chosen,
  terminal: Terminal,
): void {
  const ids = [...new Set([...backup.manifest.masterKeys, ...keys.manifest.masterKeys])]
  const file = path.join(dataDir, 'master-key')
  const given = [raw['MASTER_KEY'], raw['MASTER_KEY_FILE']].some(Boolean) || existsSync(file)
  terminal.line(
    'secrets',
    `needed: the master key with the id ${ids.join(' and the one with the id ')}` +
      (given ? '' : `; put it into ${file} (mode 0600), or set MASTER_KEY, before npm start`),
  )
}
