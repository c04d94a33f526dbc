import type { CommandContext } from '../command-context.ts'
import { readRotateEnv } from './env.ts'
import { rotateMasterKey } from './master-key.ts'
import { rotateSigningKey } from './signing-key.ts'

/**
 * Wraps every key in the users database again; an interrupted run is continued by the next one.
 *
 * @throws Error with a one-line message
 */
export async function runRotateMasterKey({ env, terminal, signal }: CommandContext): Promise<number> {
  await rotateMasterKey({ env: readRotateEnv(env), terminal, ...(signal && { signal }) })
  return 0
}

/**
 * Creates a new signing key; if earlier ones are compromised, tokens signed with them are rejected.
 *
 * @throws Error with a one-line message
 */
export async function runRotateSigningKey({
  env,
  terminal,
  compromised = false,
}: CommandContext & { readonly compromised?: boolean }): Promise<number> {
  await rotateSigningKey(readRotateEnv(env), terminal, compromised)
  return 0
}
