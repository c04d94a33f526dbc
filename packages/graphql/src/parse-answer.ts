import { parseLargeJson } from '@user-stats/core'

/** Characters of an answer that is parsed at once: a millisecond of work. */
const maxPiece = 65_536

/**
 * Parses the JSON of another service's answer, a large one a piece at a time.
 *
 * @throws SyntaxError when it is no JSON
 */
export async function parseAnswer(text: string): Promise<unknown> {
  if (text.length <= maxPiece) return JSON.parse(text)
  // What is beyond the bounds of a request's body may still be an answer.
  return await parseLargeJson(Buffer.from(text)).catch(() => JSON.parse(text) as unknown)
}
