import { isObject, post, unreachable, type Json } from './session.ts'

/** Errors of a missing or invalid token, which the page sends on the user's behalf. */
const tokenErrors = new Set<unknown>(['UNAUTHENTICATED', 'TOKEN_INVALID', 'TOKEN_EXPIRED'])

/** Executes an operation. Errors about tokens are replaced by what to do on this page. */
export async function run(body: unknown, accessToken: string | undefined): Promise<Json> {
  const sent = await post(body, accessToken).catch(() => null)
  if (sent === null) return sentence(unreachable)
  if (!isTokenError(sent.answer)) return sent.answer
  return sentence(
    accessToken === undefined
      ? 'Sign in to run this: enter an API key at the top of the page and choose “Sign in”.'
      : 'Your session has ended. Choose “Sign out” at the top of the page, then sign in again.',
  )
}

const sentence = (message: string): Json => ({ errors: [{ message }] })

function isTokenError({ errors }: Json): boolean {
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : []
  return isObject(first) && isObject(first.extensions) && tokenErrors.has(first.extensions.code)
}
