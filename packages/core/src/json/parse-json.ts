import { badInputs, DomainError, maxFaults, toFault } from '../errors/domain-error.ts'
import { survivesDouble } from './double.ts'
import { endOfString, findInexactNumbers, inexactRule, isDigit } from './json-text.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Deeper JSON is refused before anything walks it. */
const maxDepth = 64
/** Numbers without an exponent and of fewer characters survive a trip through a double. */
const longNumber = 16

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
  const { suspicious } = survey(text)
  try {
    if (!suspicious) return JSON.parse(text)
    const changed: string[] = []
    const value: unknown = JSON.parse(text, (_key, member: unknown, context?: { source?: string }) => {
      if (typeof member === 'number' && context?.source !== undefined && !survivesDouble(context.source))
        changed.push(context.source)
      return member
    })
    if (changed.length > 0) throw inexact(text)
    return value
  } catch (error) {
    if (error instanceof DomainError) throw error
    throw new DomainError('BAD_REQUEST', { message: 'The request body is not valid JSON.' })
  }
}

function inexact(text: string): DomainError {
  const paths = findInexactNumbers(text, maxFaults)
  if (paths[0] === '')
    return new DomainError('BAD_USER_INPUT', { message: `In the request body, ${inexactRule}.` })
  return badInputs(paths.map((path) => toFault(path, inexactRule)))
}

/** @throws BAD_REQUEST when it is not UTF-8 */
export function decodeText(body: Uint8Array): string {
  try {
    return utf8.decode(body)
  } catch {
    throw new DomainError('BAD_REQUEST', { message: 'The request body is not valid UTF-8.' })
  }
}

/**
 * Looks at what stands outside of strings.
 *
 * @returns whether there are numbers that may not survive a trip through a double
 * @throws BAD_USER_INPUT when it is nested too deep
 */
function survey(text: string): { readonly suspicious: boolean } {
  let depth = 0
  let suspicious = false
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = endOfString(text, at)
    else if (code === 0x7b || code === 0x5b) {
      depth += 1
      if (depth > maxDepth)
        throw new DomainError('BAD_USER_INPUT', {
          message: `The request body is nested deeper than ${String(maxDepth)} levels.`,
        })
    } else if (code === 0x7d || code === 0x5d) depth -= 1
    else if (isDigit(code)) {
      const start = at
      let next = text.charCodeAt(at + 1)
      while (isDigit(next) || next === 0x2e) {
        at += 1
        next = text.charCodeAt(at + 1)
      }
      suspicious ||= at + 1 - start >= longNumber || next === 0x65 || next === 0x45
    }
  }
  return { suspicious }
}
