/** Digits that distinguish every double, as `%.17g` of C and PHP prints them. */
const maxDigits = 17
/** Decimal digits that every double in the normal range preserves, and the powers of ten in that range. */
const exactDigits = 15
const maxExponent = 307

const zero = 0x30
const point = 0x2e
const isDigit = (code: number): boolean => code >= zero && code <= 0x39

/**
 * Whether a double preserves a JSON number as its sender meant it. A number may have at most 17 significant
 * digits; zeros at either end do not count. From 10^15 on, where integers lose precision, it must equal its
 * nearest double printed with as many digits. Below, the lost precision is finer than any double prints
 * (`0.10000000000000001`).
 *
 * @param text contains the number from `start` to `end`
 */
export function survivesDouble(text: string, start = 0, end = text.length): boolean {
  let seen = 0
  let first = -1
  let last = -1
  let whole = -1
  let at = start
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at)
    if (isDigit(code)) {
      if (code !== zero) {
        last = seen
        if (first === -1) first = seen
      }
      seen += 1
    } else if (code === point) whole = seen
    else if (at > start) break
  }
  if (first === -1) return true
  const count = last - first + 1
  const written = at < end ? Number(text.slice(at + 1, end)) : 0
  // The first significant digit.
  const exponent = written + (whole === -1 ? seen : whole) - first - 1
  const held = isHeld(count, exponent)
  if (held !== undefined) return held
  const literal = text.slice(start, end)
  if (count <= exactDigits && exponent > 0) return Number.isFinite(Number(literal))
  const digits = literal
    .replace(/e.*/i, '')
    .replaceAll(/\D/g, '')
    .slice(first, last + 1)
  return prints(Math.abs(Number(literal)), digits, exponent)
}

/**
 * A cheaper form of `survivesDouble` that suffices for most numbers: decides by the count of significant
 * digits and the power of ten of the first.
 */
export function isHeld(digits: number, exponent: number): boolean | undefined {
  if (digits > maxDigits) return false
  if (Math.abs(exponent) > maxExponent) return undefined
  return digits <= exactDigits || exponent < exactDigits ? true : undefined
}

function prints(value: number, digits: string, exponent: number): boolean {
  if (!Number.isFinite(value)) return false
  if (withoutZeros(value.toExponential(digits.length - 1)) === `${digits}e${String(exponent)}`) return true
  // JavaScript rounds halves up, C to even. A double that is exactly a half has fewer digits than are printed
  // here.
  return withoutZeros(value.toExponential(100)) === `${digits}5e${String(exponent)}`
}

/** `1.50e-7` as `15e-7`. */
const withoutZeros = (printed: string): string => printed.replace('.', '').replace(/0*e\+?/, 'e')
