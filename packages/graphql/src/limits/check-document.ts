import { GraphQLError, Lexer, parse, Source, TokenKind, type DocumentNode } from 'graphql'
import type { Caller, DomainError } from '@user-stats/core'
import { measure, type Measure } from './document-size.ts'
import { documentLimitsOf, tooLarge, type DocumentLimits, type GraphLimits, type TooLarge } from './limits.ts'
import { countOverlaps } from './overlapping-fields.ts'

const opening = new Set<TokenKind>([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing = new Set<TokenKind>([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/**
 * Checks that a document is small enough to be parsed and validated, since validation time grows faster than
 * the document. Apollo Server reports documents that cannot be parsed.
 *
 * @returns OPERATION_TOO_LARGE, UNAUTHENTICATED when an anonymous caller exceeds the lower limits for
 *   anonymous callers, or undefined
 */
export function refusalOf(text: string, configured: GraphLimits, caller: Caller): DomainError | undefined {
  const limits = documentLimitsOf(caller, configured)
  const exceeded = checkText(text, limits) ?? checkDocument(text, limits)
  return exceeded && tooLarge(exceeded, caller)
}

function checkText(
  text: string,
  { characters, tokens: maximum, nesting }: DocumentLimits,
): TooLarge | undefined {
  if (text.length > characters) return { name: 'characters', requested: text.length, maximum: characters }
  const lexer = new Lexer(new Source(text))
  let tokens = 0
  let open = 0
  let deepest = 0
  try {
    for (;;) {
      const { kind } = lexer.advance()
      if (kind === TokenKind.EOF) break
      tokens += 1
      if (opening.has(kind)) deepest = Math.max(deepest, (open += 1))
      else if (closing.has(kind)) open -= 1
    }
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
  }
  if (tokens > maximum) return { name: 'tokens', requested: tokens, maximum }
  return deepest > nesting ? { name: 'nesting', requested: deepest, maximum: nesting } : undefined
}

function checkDocument(text: string, limits: DocumentLimits): TooLarge | undefined {
  let document: DocumentNode
  try {
    document = parse(text, { noLocation: true })
  } catch {
    return undefined
  }
  const size = measure(document)
  for (const [name, requested] of Object.entries(size) as [keyof Measure, number][])
    if (requested > limits[name]) return { name, requested, maximum: limits[name] }
  const overlaps = countOverlaps(document, limits.overlaps)
  return overlaps > limits.overlaps
    ? { name: 'overlaps', requested: overlaps, maximum: limits.overlaps }
    : undefined
}
