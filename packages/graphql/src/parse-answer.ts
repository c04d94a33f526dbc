import { parseLargeJson } from '@user-stats/core'

/** Characters of a response that are parsed synchronously: a millisecond of work. */
const maxPiece = 65_536

/**
 * Parses the JSON response of another service, a large one in pieces.
 *
 * @throws SyntaxError when it is not JSON
 */
export async function parseAnswer(text: string): Promise<unknown> {
  if (text.length <= maxPiece) return JSON.parse(text)
  // A response may exceed the limits of a request body.
  return await parseLargeJson(Buffer.from(text)).catch(() => JSON.parse(text) as unknown)
}
