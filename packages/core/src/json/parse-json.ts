import { isUtf8 } from 'node:buffer'
import { DomainError } from '../errors/domain-error.ts'
import { JsonScanner, malformed } from './scan-json.ts'

/** JSON of 64 KiB has no more tokens; parsing this many takes a few milliseconds. */
const maxTokens = 65_536

/**
 * Parses a small JSON body synchronously. Use `parseLargeJson` for any other.
 *
 * @throws BAD_REQUEST when it is not UTF-8 or not JSON; BAD_USER_INPUT when a number in it would change in
 *   double precision, or when it is nested deeper than 64 levels; PAYLOAD_TOO_LARGE when it has too many
 *   names and values
 */
export function parseJson(body: Uint8Array): unknown {
  const bytes = utf8Of(body)
  const scanner = new JsonScanner(bytes, { maxTokens })
  scanner.scan(bytes.length)
  const value = parseText(bytes.toString())
  scanner.requireExact()
  return value
}

/** @throws BAD_REQUEST when it is not JSON */
export function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (text.trim() === '')
      throw new DomainError('BAD_REQUEST', { message: 'The request body is empty; JSON is expected.' })
    throw malformed()
  }
}

/** @throws BAD_REQUEST when it is not UTF-8 */
export const decodeText = (body: Uint8Array): string => utf8Of(body).toString()

/**
 * The bytes of a text, without a byte-order mark.
 *
 * @throws BAD_REQUEST when it is not UTF-8
 */
export function utf8Of(body: Uint8Array): Buffer {
  if (!isUtf8(body)) throw new DomainError('BAD_REQUEST', { message: 'The request body is not valid UTF-8.' })
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return startsWithMark(bytes) ? bytes.subarray(3) : bytes
}

/** Whether bytes begin with a byte-order mark, as editors of some systems write it before UTF-8. */
export const startsWithMark = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
