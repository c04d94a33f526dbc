import { createMasterKeys, parseMasterKey, replaceSigningKey } from '@user-stats/users/keys'
import { previousMasterKeyOf, masterKeyFile } from '../master-key.ts'
import { readText } from '../durable-file.ts'
import type { Terminal } from '../terminal.ts'
import { openUsersUrl } from './database.ts'
import type { RotateEnv } from './env.ts'

/**
 * Creates a new signing key while services run. It is published at once and used five minutes later; tokens
 * of the previous key remain valid until they expire.
 *
 * @param compromised whether the existing keys are no longer trusted: all tokens signed with them are
 *   rejected
 * @throws Error with a one-line message
 */
export async function rotateSigningKey(
  env: RotateEnv,
  terminal: Terminal,
  compromised: boolean,
): Promise<void> {
  const masterKeys = createMasterKeys(...(await masterKeysOf(env)))
  await using undo = new AsyncDisposableStack()
  const url = await openUsersUrl(env, terminal, undo)
  const { kid, signsFrom, retired, removed } = await replaceSigningKey({ url, masterKeys, compromised })
  terminal.line('rotate', `signing key ${kid} is published and signs from ${signsFrom.toISOString()}`)
  if (compromised)
    terminal.line(
      'rotate',
      `${String(removed.length)} keys destroyed. Restart all services now, so that they drop these keys and all tokens; clients must authenticate again`,
    )
  else if (retired.length > 0)
    terminal.line('rotate', `${retired.join(', ')} signs until then; its tokens work until they expire`)
}

async function masterKeysOf(env: RotateEnv): Promise<[Uint8Array, Uint8Array?]> {
  if (env.masterKey !== undefined) return [env.masterKey, env.previousMasterKey]
  const [current, previous] = [
    await readText(masterKeyFile(env.dataDir)),
    await previousMasterKeyOf(env.dataDir),
  ].map((text) => (text === undefined ? undefined : parseMasterKey(text)))
  if (current === undefined)
    throw new Error(`there is no master key in ${env.dataDir}: set MASTER_KEY, or start the stack first`)
  return [current, previous]
}
