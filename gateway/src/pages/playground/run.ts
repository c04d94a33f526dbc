import { isObject, post, unreachable, type Json } from './session.ts'

/** Refusals of a token, which people do not see and cannot send by themselves. */
const tokenRefusals = new Set<unknown>(['UNAUTHENTICATED', 'TOKEN_INVALID', 'TOKEN_EXPIRED'])

/** The graph's answer to an operation; in place of what speaks of headers and tokens, what to do on this page. */
export async function run(body: unknown, accessToken: string | undefined): Promise<Json> {
  const sent = await post(body, accessToken).catch(() => null)
  if (sent === null) return sentence(unreachable)
  if (!isTokenRefused(sent.answer)) return sent.answer
  return sentence(
    accessToken === undefined
      ? 'Sign in to run this: enter an API key at the top of the page and choose “Sign in”.'
      : 'Your session has ended. Choose “Sign out” at the top of the page, then sign in again.',
  )
}

const sentence = (message: string): Json => ({ errors: [{ message }] })

function isTokenRefused({ errors }: Json): boolean {
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : []
  return isObject(first) && isObject(first.extensions) && tokenRefusals.has(first.extensions.code)
}
