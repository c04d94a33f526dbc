import { catalogue, DomainError, type Caller, type ExceededLimit } from '@user-stats/core'

/** How large an operation may be. What fragments hold counts as often as they are spread. */
export interface GraphLimits {
  /** Fields inside each other, introspection apart. */
  readonly depth: number
  readonly aliases: number
  /** Fields of the operation itself. */
  readonly rootFields: number
  readonly directives: number
  /** Fields, fragment spreads and inline fragments. */
  readonly fields: number
  /** Lexer tokens. */
  readonly tokens: number
  /** Objects that may be answered or sent; see `compileCost`. */
  readonly cost: number
}

/** All limits of a document. */
export interface DocumentLimits extends Omit<GraphLimits, 'cost'> {
  readonly characters: number
  /** Values in arguments, the members of lists and objects included. */
  readonly values: number
  /** Brackets, and selection sets with those of fragments, inside each other: parser and rules call themselves for each. */
  readonly nesting: number
  /** Names of fragments that are defined or spread: validation compares each two of them. */
  readonly fragments: number
  /** Validation looks at the fragments again for each operation. */
  readonly operations: number
  /** Comparisons of fields of the same name at the same place; see `countOverlaps`. */
  readonly overlaps: number
}

/** A JSON literal of 64 KiB fits into what the gateway allows. */
const charactersPerToken = 25

const fixed = { nesting: 200, fragments: 100, operations: 50, overlaps: 20_000 } as const

/** Anonymous callers sign in and ask for little else. */
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

/** The limits of a caller's documents, from those that are configured. */
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
  depth: ['fields inside each other', 'Nest less deeply, or ask in several operations.'],
  aliases: ['aliases', 'Ask in several operations.'],
  rootFields: ['root fields', 'Ask in several operations.'],
  directives: ['directives', 'Use fewer.'],
  fields: ['fields and fragments, those of fragments counted each time they are spread', 'Select fewer.'],
  tokens: ['tokens', 'Send values as variables, or ask in several operations.'],
  characters: ['characters', 'Send values as variables, or ask in several operations.'],
  values: [
    'values in arguments, those of fragments counted each time they are spread',
    'Send values as variables.',
  ],
  fragments: ['fragments', 'Use fewer, or ask in several operations.'],
  operations: ['operations in its document', 'Send those that are not executed in documents of their own.'],
  overlaps: [
    'comparisons of fields of the same name at the same place, with all that is in them',
    'Select each field once.',
  ],
  nesting: ['brackets or fragments inside each other', 'Nest less deeply, or send values as variables.'],
  cost: [
    'objects (cost), lists counted with all their items',
    'Ask for shorter lists (first, limit), or in several operations.',
  ],
}

/** A limit that an operation exceeds. */
export interface TooLarge extends ExceededLimit {
  readonly name: LimitName
}

/**
 * Which limit, what was asked, what is allowed and what to do: OPERATION_TOO_LARGE, or UNAUTHENTICATED for an
 * anonymous caller, who may send far less.
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
