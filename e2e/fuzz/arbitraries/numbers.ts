import fc from 'fast-check'

const around = (value: bigint): string[] => [value - 1n, value, value + 1n].map(String)

/** Number literals at the edges of what JSON, doubles, 32 and 64 bits and our own limits hold. */
const boundaries: readonly string[] = [
  ...[0n, 1n, 50n, 1_000n, 10_000n, 2_592_000n].flatMap(around),
  ...[31n, 32n, 53n, 63n, 64n].flatMap((bits) => around(2n ** bits)),
  ...[31n, 53n, 63n].flatMap((bits) => around(-(2n ** bits))),
  ...around(999_999_999_999_999n),
  '-0',
  '0.0',
  '1.0',
  '0.1',
  '1.5',
  '-0.5',
  '1e0',
  '1E2',
  '1e-7',
  '1e308',
  '1e309',
  '1e400',
  '-1e400',
  '1e-400',
  '5e-324',
  '1e99999999999',
  '0.1000000000000000055511151231257827',
  '3.141592653589793238462643383279',
  '9'.repeat(400),
  `0.${'0'.repeat(400)}1`,
]

export const anyNumber = fc.constantFrom(...boundaries)

/** A whole number as a range allows it, its ends more often than not. */
export const within = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max: Math.min(max, min + 100) })).map(String)
