/** The address of something on the gateway, under whatever path it is served. */
export const addressOf = (path: string): string => new URL(path, document.baseURI).href

/**
 * Sends JSON to the gateway with the session cookie.
 *
 * @throws Error that can be shown when the gateway cannot be reached
 */
export async function send(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(addressOf(path), {
      method,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        // Required with a session cookie: pages of other origins cannot send it.
        'x-csrf-protection': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Error('The gateway cannot be reached. Try again in a moment.', { cause: error })
  }
}
