/** The values of an operation's variables, as they were sent. */
export type Variables = Readonly<Record<string, unknown>>

/** A number, or a function of the variables. */
export type CostExpression = number | ((variables: Variables) => number)

export const evaluateCost = (amount: CostExpression, variables: Variables): number =>
  typeof amount === 'number' ? amount : amount(variables)

/** Constants are folded: the sum is a number unless it depends on variables. */
export function sum(a: CostExpression, b: CostExpression): CostExpression {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (a === 0) return b
  if (b === 0) return a
  return (variables) => evaluateCost(a, variables) + evaluateCost(b, variables)
}

export function product(a: CostExpression, b: CostExpression): CostExpression {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  if (a === 1) return b
  if (b === 1) return a
  return (variables) => evaluateCost(a, variables) * evaluateCost(b, variables)
}
