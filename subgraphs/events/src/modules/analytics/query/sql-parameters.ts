/** Collects the parameters of a statement, so that no value is ever part of its text. */
export interface Parameters {
  readonly values: unknown[]
  /** Adds a value and returns its placeholder. */
  readonly add: (value: unknown) => string
}

export function createParameters(): Parameters {
  const values: unknown[] = []
  return { values, add: (value) => `$${String(values.push(value))}` }
}
