import { catalogue, DomainError, type Caller, type ExceededLimit } from '@user-stats/core'

/** Maximum size of an operation. The content of a fragment counts each time it is spread. */
export interface GraphLimits {
  /** Nested fields, without introspection. */
  readonly depth: number
  readonly aliases: number
  /** Root fields of the operation. */
  readonly rootFields: number
  readonly directives: number
  /** Fields, fragment spreads and inline fragments. */
  readonly fields: number
  /** Lexer tokens. */
  readonly tokens: number
  /** Objects in the input and the response; see `compileCost`. */
  readonly cost: number
}

/** All limits of a document. */
export interface DocumentLimits extends Omit<GraphLimits, 'cost'> {
  readonly characters: number
  /** Values in arguments, the members of lists and objects included. */
  readonly values: number
  /**
   * Nested brackets, and selection sets including those of fragments: the parser and the rules are recursive.
   */
  readonly nesting: number
  /** Fragment names defined or spread: validation compares every two of them. */
  readonly fragments: number
  /** Validation visits the fragments again for each operation. */
  readonly operations: number
  /** Comparisons of fields with the same response name; see `countOverlaps`. */
  readonly overlaps: number
}

/** Large enough for a JSON literal of 64 KiB within the gateway's limits. */
const charactersPerToken = 25

const fixed = { nesting: 200, fragments: 100, operations: 50, overlaps: 20_000 } as const

/** Anonymous callers only need to sign in. */
const anonymous: Partial<Record<string, number>> = {
  tokens: 500,
  fields: 100,
  aliases: 10,
  rootFields: 10,
  directives: 10,
  fragments: 10,
  operations: 10,
  overlaps: 1_000,
}

/** The limits of a caller's documents, from the configured limits. */
export function documentLimitsOf(
  { role }: Caller,
  { cost: _cost, ...configured }: GraphLimits,
): DocumentLimits {
  const all = { ...configured, ...fixed }
  const limits = role === 'ANONYMOUS' ? lowered(all) : all
  return { ...limits, characters: limits.tokens * charactersPerToken, values: limits.tokens }
}

const lowered = <T extends Readonly<Record<string, number>>>(limits: T): T =>
  Object.fromEntries(
    Object.entries(limits).map(([name, maximum]) => [name, Math.min(maximum, anonymous[name] ?? maximum)]),
  ) as T

type LimitName = keyof DocumentLimits | 'cost'

const words: Readonly<Record<LimitName, readonly [what: string, remedy: string]>> = {
  depth: ['nested fields', 'Reduce the nesting, or split the operation.'],
  aliases: ['aliases', 'Split the operation.'],
  rootFields: ['root fields', 'Split the operation.'],
  directives: ['directives', 'Use fewer.'],
  fields: ['fields and fragments, those of fragments counted each time they are spread', 'Select fewer.'],
  tokens: ['tokens', 'Send values as variables, or split the operation.'],
  characters: ['characters', 'Send values as variables, or split the operation.'],
  values: [
    'values in arguments, those of fragments counted each time they are spread',
    'Send values as variables.',
  ],
  fragments: ['fragments', 'Use fewer, or split the operation.'],
  operations: ['operations in its document', 'Send those that are not executed in documents of their own.'],
  overlaps: [
    'comparisons of fields with the same response name, with their selections',
    'Select each field once.',
  ],
  nesting: ['nested brackets or fragments', 'Reduce the nesting, or send values as variables.'],
  cost: [
    'objects (cost), lists counted with all their items',
    'Request shorter lists (first, limit), or split the operation.',
  ],
}

/** A limit that an operation exceeds. */
export interface TooLarge extends ExceededLimit {
  readonly name: LimitName
}

/**
 * The error for an exceeded limit, with the requested amount, the maximum and the remedy:
 * OPERATION_TOO_LARGE, or UNAUTHENTICATED for anonymous callers, whose limits are far lower.
 */
export function tooLarge(
  { name, requested, maximum }: TooLarge,
  { role }: Pick<Caller, 'role'> = { role: 'ADMIN' },
): DomainError {
  const [what, remedy] = words[name]
  const limit = { name, requested: Math.min(requested, Number.MAX_SAFE_INTEGER), maximum }
  const has = `The operation has ${String(limit.requested)} ${what}; at most ${String(maximum)} are allowed`
  return role === 'ANONYMOUS'
    ? new DomainError('UNAUTHENTICATED', {
        message: `${catalogue.UNAUTHENTICATED.message} ${has} without one.`,
        limit,
      })
    : new DomainError('OPERATION_TOO_LARGE', { message: `${has}. ${remedy}`, limit })
}
