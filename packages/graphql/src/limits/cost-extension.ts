import { amountAt, type Amount, type Variables } from './cost-expression.ts'
import { tooLarge } from './limits.ts'

/** What an operation costs, as its answer says it. */
export interface CostNote {
  readonly extensions: { readonly cost: { readonly requested: number; readonly maximum: number } }
  /** The same as the end of an answer that is text. */
  readonly ending: string
}

function createNote(requested: number, maximum: number): CostNote {
  const extensions = { cost: { requested, maximum } }
  return { extensions, ending: `,"extensions":${JSON.stringify(extensions)}}\n` }
}

/**
 * How an operation's answers say what it costs.
 *
 * @returns a function that throws OPERATION_TOO_LARGE when it costs more than allowed
 */
export function costNotes(cost: Amount, maximum: number): (variables: Variables) => CostNote {
  const check = (requested: number): number => {
    if (requested > maximum) throw tooLarge({ name: 'cost', requested, maximum })
    return requested
  }
  if (typeof cost !== 'number') return (variables) => createNote(check(amountAt(cost, variables)), maximum)
  const note = createNote(cost, maximum)
  return () => {
    check(cost)
    return note
  }
}

/** An answer's text, `{"data":{…}}`, with the note at its end. */
export const withNote = (text: string, { ending }: CostNote): string =>
  `${text.slice(0, text.lastIndexOf('}'))}${ending}`

/**
 * Whether an answer is to say what it cost. Clients that prefer a minimal answer (RFC 7240) are not told, so that
 * the gateway can hand on what a subgraph answers.
 */
export const wantsNote = (prefer: string | string[] | undefined): boolean =>
  prefer === undefined || !String(prefer).includes('return=minimal')
