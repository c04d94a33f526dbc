import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { survivesDouble } from '../src/json/double.ts'

/** A number as a fraction of integers. */
interface Fraction {
  readonly above: bigint
  readonly below: bigint
}

const bits = new DataView(new ArrayBuffer(8))

function doubleOf(pattern: bigint): number {
  bits.setBigUint64(0, pattern)
  return bits.getFloat64(0)
}

/** The exact value of a finite double: IEEE 754, 3.4. */
function exactly(value: number): Fraction {
  bits.setFloat64(0, Math.abs(value))
  const pattern = bits.getBigUint64(0)
  const stored = pattern >> 52n
  const significand = (pattern & (2n ** 52n - 1n)) + (stored === 0n ? 0n : 2n ** 52n)
  const exponent = (stored === 0n ? 1n : stored) - 1075n
  return exponent < 0n
    ? { above: significand, below: 2n ** -exponent }
    : { above: significand * 2n ** exponent, below: 1n }
}

/** A double with so many significant digits, as C prints it with %.{n}e: rounded exactly, halves to even. */
function printed(value: number, count: number): { readonly digits: string; readonly power: number } {
  const { above, below } = exactly(value)
  let exponent = Math.floor(Math.log10(Math.abs(value)))
  const scaled = (power: number): Fraction =>
    power < 0
      ? { above, below: below * 10n ** BigInt(-power) }
      : { above: above * 10n ** BigInt(power), below }
  const rounded = (): bigint => {
    const { above: n, below: d } = scaled(count - 1 - exponent)
    const [whole, rest] = [n / d, (n % d) * 2n]
    return rest > d || (rest === d && whole % 2n === 1n) ? whole + 1n : whole
  }
  const least = 10n ** BigInt(count - 1)
  // The logarithm may be off by one.
  while (rounded() < least) exponent -= 1
  while (rounded() >= least * 10n) exponent += 1
  return { digits: String(rounded()), power: exponent + 1 - count }
}

/** Digits without a point times a power of ten, in all notations of JSON. */
const writings: readonly ((digits: string, power: number) => string)[] = [
  (digits, power) => `${digits}e${String(power)}`,
  (digits, power) => `-${digits}.00E${power < 0 ? '' : '+'}${String(power)}`,
  (digits, power) => `${digits.slice(0, 1)}.${digits.slice(1)}0e${String(power + digits.length - 1)}`,
  (digits, power) => `0.000${digits}E${String(power + digits.length + 3)}`,
  (digits, power) => {
    if (power >= 0) return digits + '0'.repeat(power)
    const padded = digits.padStart(1 - power, '0')
    return `${padded.slice(0, power)}.${padded.slice(power)}`
  },
]

const anyDouble = fc
  .oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(doubleOf),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    // Halves between two decimals of 17 digits.
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 15, max: 53 })).map(([n, k]) => n + 2 ** -k),
    fc.bigInt({ min: 4n * 10n ** 15n, max: 2n ** 53n }).map((n) => Number(n) / 4),
  )
  .filter((value) => Number.isFinite(value) && value !== 0)

test('every double is accepted as C prints it with 17 digits, in any notation', () => {
  fc.assert(
    fc.property(anyDouble, fc.constantFrom(...writings), (value, write) => {
      const { digits, power } = printed(value, 17)
      const literal = write(digits, power)
      expect(Math.abs(JSON.parse(literal) as number)).toBe(Math.abs(value))
      expect([literal, survivesDouble(literal)]).toEqual([literal, true])
    }),
    { numRuns: 2_000 },
  )
})

/** Whether a number must be accepted, by definition alone. */
function isTaken(digits: bigint, power: number): boolean {
  const value = Number(`${String(digits)}e${String(power)}`)
  if (String(digits).length > 17 || !Number.isFinite(value)) return false
  const size = String(digits).length + power
  if (size <= 15 && size > -307) return true
  const { above, below } = exactly(value)
  const shift = 10n ** BigInt(Math.abs(power))
  const [is, meant, unit] =
    power < 0 ? [above * shift, digits * below, below] : [above, digits * shift * below, shift * below]
  const difference = is > meant ? is - meant : meant - is
  return 2n * difference <= unit
}

test('a number is accepted with up to 17 digits, and from 10^15 on if its double prints with the same digits', () => {
  const ends = fc.constantFrom(-1, 0, 1)
  const number = fc.tuple(
    fc.oneof(
      fc.bigInt({ min: 1n, max: 10n ** 19n }),
      fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 18n }), ends).map(([n, end]) => n * 5n + BigInt(end)),
      fc.tuple(fc.integer({ min: 50, max: 63 }), ends).map(([bit, end]) => 2n ** BigInt(bit) + BigInt(end)),
    ),
    fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -345, max: 310 })),
  )
  fc.assert(
    fc.property(
      number.filter(([digits]) => digits % 10n !== 0n),
      fc.constantFrom(...writings),
      ([digits, power], write) => {
        const literal = write(String(digits), power)
        expect([literal, survivesDouble(`[${literal}]`, 1, literal.length + 1)]).toEqual([
          literal,
          isTaken(digits, power),
        ])
      },
    ),
    { numRuns: 5_000 },
  )
})
