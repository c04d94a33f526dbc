import type { CommandContext } from '../command-context.ts'
import { readRotateEnv } from './env.ts'
import { rotateMasterKey } from './master-key.ts'
import { rotateSigningKey } from './signing-key.ts'

/**
 * Wraps every key in the users database anew; interrupted, it goes on where it stopped when it is run again.
 *
 * @throws Error in one line for the operator
 */
export async function runRotateMasterKey({ env, terminal, signal }: CommandContext): Promise<number> {
  await rotateMasterKey({ env: readRotateEnv(env), terminal, ...(signal && { signal }) })
  return 0
}

/**
 * Makes a new signing key; if earlier ones are compromised, tokens signed with them are rejected.
 *
 * @throws Error in one line for the operator
 */
export async function runRotateSigningKey({
  env,
  terminal,
  compromised = false,
}: CommandContext & { readonly compromised?: boolean }): Promise<number> {
  await rotateSigningKey(readRotateEnv(env), terminal, compromised)
  return 0
}
