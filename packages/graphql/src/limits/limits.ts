import { DomainError } from '@user-stats/core'

/** How large an operation may be. What fragments hold counts as often as they are spread. */
export interface GraphLimits {
  /** Fields inside each other, introspection apart. */
  readonly depth: number
  /** Fields that are given another name. */
  readonly aliases: number
  /** Fields of the operation itself. */
  readonly rootFields: number
  readonly directives: number
  readonly fields: number
  /** Words and signs of the document. */
  readonly tokens: number
  /** Objects that may be answered or sent; see `compileCost`. */
  readonly cost: number
}

/** Braces, brackets and parentheses inside each other: the parser calls itself for each. */
export const maxNesting = 200

/** Pairs of fields of the same name at the same place, see `repeatsOf`: a hundred times the same field are 4,950. */
export const maxRepeats = 5_000

type LimitName = keyof GraphLimits | 'nesting' | 'repeats'

const words: Readonly<Record<LimitName, readonly [what: string, remedy: string]>> = {
  depth: ['fields inside each other', 'Nest less deeply, or ask in several operations.'],
  aliases: ['aliases', 'Ask in several operations.'],
  rootFields: ['root fields', 'Ask in several operations.'],
  directives: ['directives', 'Use fewer.'],
  fields: ['fields, those of fragments counted each time they are spread', 'Select fewer.'],
  tokens: ['tokens', 'Send values as variables, or ask in several operations.'],
  repeats: ['pairs of fields of the same name at the same place', 'Select each field once.'],
  nesting: ['brackets inside each other', 'Nest less deeply, or send values as variables.'],
  cost: [
    'objects (cost), lists counted with all their items',
    'Ask for shorter lists (first, limit), or in several operations.',
  ],
}

/** OPERATION_TOO_LARGE, with which limit, what was asked, what is allowed and what to do. */
export function tooLarge(name: LimitName, requested: number, maximum: number): DomainError {
  const [what, remedy] = words[name]
  const asked = Math.min(requested, Number.MAX_SAFE_INTEGER)
  return new DomainError('OPERATION_TOO_LARGE', {
    message: `The operation has ${String(asked)} ${what}; at most ${String(maximum)} are allowed. ${remedy}`,
    limit: { name, requested: asked, maximum },
  })
}
