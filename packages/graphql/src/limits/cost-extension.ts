import { evaluateCost, type CostExpression, type Variables } from './cost-expression.ts'
import { tooLarge } from './limits.ts'

/** The cost of an operation, as reported in its response. */
export interface CostExtension {
  readonly extensions: { readonly cost: { readonly requested: number; readonly maximum: number } }
  /** The same as the last part of a serialized response. */
  readonly suffix: string
}

function createExtension(requested: number, maximum: number): CostExtension {
  const extensions = { cost: { requested, maximum } }
  return { extensions, suffix: `,"extensions":${JSON.stringify(extensions)}}\n` }
}

/**
 * Creates the cost extension of an operation's responses.
 *
 * @returns a function that throws OPERATION_TOO_LARGE when it costs more than allowed
 */
export function compileCostExtension(
  cost: CostExpression,
  maximum: number,
): (variables: Variables) => CostExtension {
  const check = (requested: number): number => {
    if (requested > maximum) throw tooLarge({ name: 'cost', requested, maximum })
    return requested
  }
  if (typeof cost !== 'number')
    return (variables) => createExtension(check(evaluateCost(cost, variables)), maximum)
  const extension = createExtension(cost, maximum)
  return () => {
    check(cost)
    return extension
  }
}

/** Appends the extension to a serialized response, `{"data":{…}}`. */
export const appendExtensions = (text: string, { suffix }: CostExtension): string =>
  `${text.slice(0, text.lastIndexOf('}'))}${suffix}`

/**
 * Whether the response includes `extensions.cost`. Clients that prefer a minimal response (RFC 7240) do not
 * get it, so that the gateway can forward a subgraph's response unchanged.
 */
export const wantsExtensions = (prefer: string | string[] | undefined): boolean =>
  prefer === undefined || !String(prefer).includes('return=minimal')
