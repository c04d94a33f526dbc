// The digits that count and the power of ten of the last of them: equal texts are equal numbers.
const significant = (literal: string): string => {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().replace(/^-/, '').split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = (whole + fraction).replace(/^0+/, '')
  const trimmed = digits.replace(/0+$/, '')
  if (trimmed === '') return '0'
  return `${trimmed}e${String(Number(exponent) - fraction.length + digits.length - trimmed.length)}`
}

/** Whether a JSON number means the same after a trip through a double. */
export function survivesDouble(literal: string): boolean {
  const value = Number(literal)
  return Number.isFinite(value) && significant(literal) === significant(String(value))
}
