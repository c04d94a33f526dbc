import fc from 'fast-check'

/** Half of the time. */
export const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { freq: 1, nil: undefined })

/** Once in so many times. */
export const rarely = <T>(arbitrary: fc.Arbitrary<T>, times = 14): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

/** A list of parts each of which may be missing. */
export const present = <T>(parts: readonly fc.Arbitrary<T | undefined>[]): fc.Arbitrary<T[]> =>
  fc.tuple(...parts).map((list) => list.filter((part) => part !== undefined))
