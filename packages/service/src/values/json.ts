import { DomainError } from '../errors/domain-error.ts'
import { survivesDouble } from './double.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Deeper JSON is refused before anything walks it. */
const maxDepth = 64
// A cheap look for numbers that might not survive: long runs of digits, or exponents.
const suspicious = /\d[\d.]{15,}|\d[eE]/

/**
 * Parses a JSON body.
 *
 * @throws BAD_REQUEST when it is not UTF-8 or not JSON; BAD_USER_INPUT when a number in it would change in double
 *   precision, or when it is nested deeper than 64 levels
 */
export function parseJson(body: Uint8Array): unknown {
  const text = decodeText(body)
  if (text.trim() === '')
    throw new DomainError('BAD_REQUEST', { message: 'The request body is empty; JSON is expected.' })
  // Before parsing: the reviver below would recurse.
  refuseDepth(text)
  try {
    if (!suspicious.test(text)) return JSON.parse(text)
    return JSON.parse(text, (key: string, value: unknown, context?: { source?: string }) => {
      if (typeof value === 'number' && context?.source !== undefined && !survivesDouble(context.source))
        throw inexact(key)
      return value
    })
  } catch (error) {
    if (error instanceof DomainError) throw error
    throw new DomainError('BAD_REQUEST', { message: 'The request body is not valid JSON.' })
  }
}

function inexact(key: string): DomainError {
  const rule = 'the number cannot be kept exactly. Send it as a string, or with at most 15 digits.'
  return key === ''
    ? new DomainError('BAD_USER_INPUT', { message: `In the request body, ${rule}` })
    : new DomainError('BAD_USER_INPUT', { field: key, message: `${key}: ${rule}` })
}

/** @throws BAD_REQUEST when it is not UTF-8 */
export function decodeText(body: Uint8Array): string {
  try {
    return utf8.decode(body)
  } catch {
    throw new DomainError('BAD_REQUEST', { message: 'The request body is not valid UTF-8.' })
  }
}

function refuseDepth(text: string): void {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === 0x5c) at += 1
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x7b || code === 0x5b) {
      depth += 1
      if (depth > maxDepth)
        throw new DomainError('BAD_USER_INPUT', {
          message: `The request body is nested deeper than ${String(maxDepth)} levels.`,
        })
    } else if (code === 0x7d || code === 0x5d) depth -= 1
  }
}
