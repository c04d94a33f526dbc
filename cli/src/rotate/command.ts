import type { RawEnv } from '@user-stats/config'
import type { Terminal } from '../terminal.ts'
import { readRotateEnv } from './env.ts'
import { rotateMasterKey } from './master-key.ts'
import { rotateSigningKey } from './signing-key.ts'

/**
 * `master-key` wraps every key in the users database anew; interrupted, it goes on where it stopped when it is run
 * again. `signing-key` makes a new one; with `--compromised` those before are trusted no more.
 *
 * @throws Error in one line for the operator
 */
export async function runRotate(
  [what, ...options]: readonly string[],
  raw: RawEnv,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<void> {
  const compromised = what === 'signing-key' && options.length === 1 && options[0] === '--compromised'
  if ((what !== 'master-key' && what !== 'signing-key') || (options.length > 0 && !compromised))
    throw new Error(
      `"${[what, ...options].join(' ')}" is no command: expected master-key, signing-key or signing-key --compromised`,
    )
  const env = readRotateEnv(raw)
  if (what === 'master-key') await rotateMasterKey({ env, terminal, ...(signal && { signal }) })
  else await rotateSigningKey(env, terminal, compromised)
}
