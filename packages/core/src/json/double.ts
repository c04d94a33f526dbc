/** Digits that tell every double from all others, as `%.17g` of C and PHP prints them. */
const maxDigits = 17
/** Digits that every double in the normal range gives back, and powers of ten that are in it. */
const exactDigits = 15
const maxExponent = 307

const zero = 0x30
const point = 0x2e
const isDigit = (code: number): boolean => code >= zero && code <= 0x39

/**
 * Whether a double holds a JSON number as it was meant. A number has at most 17 significant digits; zeros at either
 * end do not count. From 10^15 on, where whole numbers begin to change, it must be what its nearest double prints with
 * as many digits. Below, what the double cannot keep is finer than any double prints (`0.10000000000000001`).
 *
 * @param text holds the number from `start` to `end`
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
  // Of the first digit that counts.
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
 * The same from the shape of a number alone, where that is enough: how many significant digits it has, and the power of
 * ten of the first.
 */
export function isHeld(digits: number, exponent: number): boolean | undefined {
  if (digits > maxDigits) return false
  if (Math.abs(exponent) > maxExponent) return undefined
  return digits <= exactDigits || exponent < exactDigits ? true : undefined
}

function prints(value: number, digits: string, exponent: number): boolean {
  if (!Number.isFinite(value)) return false
  if (withoutZeros(value.toExponential(digits.length - 1)) === `${digits}e${String(exponent)}`) return true
  // JavaScript rounds halves up, C to even. A double that is such a half has fewer digits than this prints.
  return withoutZeros(value.toExponential(100)) === `${digits}5e${String(exponent)}`
}

/** `1.50e-7` as `15e-7`. */
const withoutZeros = (printed: string): string => printed.replace('.', '').replace(/0*e\+?/, 'e')
