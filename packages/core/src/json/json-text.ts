/** Maximum length of a path in an error: member names in a body may be of any length. */
const maxPath = 200

/** The rule violated by a number that a double would change. */
export const inexactRule = 'the number cannot be kept exactly. Send it as a string, or with at most 15 digits'

/** The parts of a path as errors name it: `data.items[3].price`. */
export const toPath = (parts: readonly (string | number)[]): string =>
  parts
    .map((part, at) => (typeof part === 'number' ? `[${String(part)}]` : at === 0 ? part : `.${part}`))
    .join('')
    .slice(0, maxPath)
