/** The values of a statement, numbered as they are mentioned: no value ever stands in the text. */
export interface Parameters {
  readonly values: unknown[]
  /** Keeps a value and says how the text names it. */
  readonly add: (value: unknown) => string
}

export function createParameters(): Parameters {
  const values: unknown[] = []
  return { values, add: (value) => `$${String(values.push(value))}` }
}
