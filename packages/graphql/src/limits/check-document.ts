import { GraphQLError, Lexer, parse, Source, TokenKind, type DocumentNode } from 'graphql'
import type { DomainError } from '@user-stats/core'
import { maxNesting, maxRepeats, tooLarge, type GraphLimits } from './limits.ts'
import { measure } from './document-size.ts'
import { repeatsOf } from './overlapping-fields.ts'

const opening = new Set<TokenKind>([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing = new Set<TokenKind>([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/**
 * Whether a document is small enough to be parsed and validated, whose time grows faster than the document.
 * A document that cannot be read is none of our business: Apollo Server says what is wrong with it.
 *
 * @returns OPERATION_TOO_LARGE, or undefined
 */
export function refusalOf(text: string, limits: GraphLimits): DomainError | undefined {
  return refusalOfText(text, limits) ?? refusalOfDocument(text, limits)
}

function refusalOfText(text: string, { tokens: maximum }: GraphLimits): DomainError | undefined {
  const lexer = new Lexer(new Source(text))
  let tokens = 0
  let nesting = 0
  let deepest = 0
  try {
    // Far above the limit nobody needs to know how far.
    while (tokens <= 4 * maximum) {
      const { kind } = lexer.advance()
      if (kind === TokenKind.EOF) break
      tokens += 1
      if (opening.has(kind)) deepest = Math.max(deepest, (nesting += 1))
      else if (closing.has(kind)) nesting -= 1
    }
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
  }
  if (tokens > maximum) return tooLarge('tokens', tokens, maximum)
  return deepest > maxNesting ? tooLarge('nesting', deepest, maxNesting) : undefined
}

function refusalOfDocument(text: string, limits: GraphLimits): DomainError | undefined {
  let document: DocumentNode
  try {
    document = parse(text, { noLocation: true })
  } catch {
    return undefined
  }
  for (const [name, requested] of Object.entries(measure(document)) as [
    keyof ReturnType<typeof measure>,
    number,
  ][])
    if (requested > limits[name]) return tooLarge(name, requested, limits[name])
  const repeats = repeatsOf(document)
  return repeats > maxRepeats ? tooLarge('repeats', repeats, maxRepeats) : undefined
}
