import { parse as parseQuery } from 'node:querystring'
import type { FastifyInstance } from 'fastify'
import { DomainError } from '../errors/domain-error.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Deeper JSON is refused before anything walks it. */
const maxDepth = 64
// A cheap look for numbers that might not survive: long runs of digits, or exponents.
const suspicious = /\d[\d.]{15,}|\d[eE]/

const significant = (literal: string): string => {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().replace(/^-/, '').split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = (whole + fraction).replace(/^0+/, '')
  const trimmed = digits.replace(/0+$/, '')
  if (trimmed === '') return '0'
  return `${trimmed}e${String(Number(exponent) - fraction.length + digits.length - trimmed.length)}`
}

/** Whether a JSON number means the same after a trip through a double. */
export function survivesDouble(literal: string): boolean {
  const value = Number(literal)
  return Number.isFinite(value) && significant(literal) === significant(String(value))
}

/**
 * Parses a JSON body.
 *
 * @throws BAD_REQUEST when it is not UTF-8 or not JSON; BAD_USER_INPUT when a number in it would change in double
 *   precision, or when it is nested deeper than 64 levels
 */
export function parseJson(body: Uint8Array): unknown {
  const text = decode(body)
  if (text.trim() === '')
    throw new DomainError('BAD_REQUEST', { message: 'The request body is empty; JSON is expected.' })
  // Before parsing: the reviver below would recurse.
  refuseDepth(text)
  try {
    if (!suspicious.test(text)) return JSON.parse(text)
    return JSON.parse(text, (key: string, value: unknown, context?: { source?: string }) => {
      if (typeof value === 'number' && context?.source !== undefined && !survivesDouble(context.source))
        throw new DomainError('BAD_USER_INPUT', {
          field: key,
          message: `${key}: the number cannot be kept exactly. Send it as a string, or with at most 15 digits.`,
        })
      return value
    })
  } catch (error) {
    if (error instanceof DomainError) throw error
    throw new DomainError('BAD_REQUEST', { message: 'The request body is not valid JSON.' })
  }
}

function decode(body: Uint8Array): string {
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

/** A form body: fields by name; of a repeated field the last one counts. */
export class FormBody {
  readonly fields: Readonly<Record<string, string>>

  constructor(text: string) {
    this.fields = Object.fromEntries(
      Object.entries(parseQuery(text, '&', '=', { maxKeys: 100 })).map(([name, value]) => [
        name,
        Array.isArray(value) ? (value.at(-1) ?? '') : (value ?? ''),
      ]),
    )
  }
}

/** JSON and form bodies, parsed by our rules instead of Fastify's. */
export function registerBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json\b/,
    { parseAs: 'buffer' },
    (request, body, done) => {
      // Clients send DELETE with a JSON content type and nothing in it.
      if (body.length === 0 && (request.method === 'DELETE' || request.method === 'GET')) {
        done(null, undefined)
        return
      }
      try {
        done(null, parseJson(body as Buffer))
      } catch (error) {
        done(error as Error)
      }
    },
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (_request, body, done) => {
      try {
        done(null, new FormBody(decode(body as Buffer)))
      } catch (error) {
        done(error as Error)
      }
    },
  )
}
