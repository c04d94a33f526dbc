/** The values of an operation's variables, as they were sent. */
export type Variables = Readonly<Record<string, unknown>>

/** A number, or how it follows from the variables. */
export type Amount = number | ((variables: Variables) => number)

export const amountAt = (amount: Amount, variables: Variables): number =>
  typeof amount === 'number' ? amount : amount(variables)

/** Numbers are put together at once, so that what no variable changes is a number in the end. */
export function sum(a: Amount, b: Amount): Amount {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (a === 0) return b
  if (b === 0) return a
  return (variables) => amountAt(a, variables) + amountAt(b, variables)
}

export function product(a: Amount, b: Amount): Amount {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  if (a === 1) return b
  if (b === 1) return a
  return (variables) => amountAt(a, variables) * amountAt(b, variables)
}
