import { survivesDouble } from './double.ts'

/** Paths longer than this are cut: names in a body may be of any length. */
const maxPath = 200

/** What is wrong with a number that a double would change. */
export const inexactRule = 'the number cannot be kept exactly. Send it as a string, or with at most 15 digits'

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

/** Where a string ends that begins at a quotation mark: much of a body is strings, and this skips them fast. */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1
    if (backslashes % 2 === 0) return at
  }
  return text.length
}

/**
 * Where the numbers stand that a double would change: `data.items[3].price`.
 *
 * @param text valid JSON
 * @param most this many are enough
 */
export function findInexactNumbers(text: string, most: number): string[] {
  const found: string[] = []
  /** For each object the member, for each array the index that is being read. */
  const path: (string | number)[] = []
  for (let at = 0; at < text.length && found.length < most; at += 1) {
    const character = text[at] ?? ''
    if (character === '"') {
      const end = endOfString(text, at)
      if (isName(text, end)) path[path.length - 1] = JSON.parse(text.slice(at, end + 1)) as string
      at = end
    } else if (character === '{') path.push('')
    else if (character === '[') path.push(0)
    else if (character === '}' || character === ']') path.pop()
    else if (character === ',') {
      const last = path.at(-1)
      if (typeof last === 'number') path[path.length - 1] = last + 1
    } else if (isDigit(character.charCodeAt(0))) {
      const start = at
      while (/[\d.eE+-]/.test(text[at + 1] ?? '')) at += 1
      if (!survivesDouble(text, start, at + 1)) found.push(toPath(path))
    }
  }
  return found
}

/** Whether a string that ends there is the name of a member. */
function isName(text: string, end: number): boolean {
  let at = end + 1
  while (/\s/.test(text[at] ?? '')) at += 1
  return text[at] === ':'
}

/** The parts of a path as errors name it: `data.items[3].price`. */
export const toPath = (parts: readonly (string | number)[]): string =>
  parts
    .map((part, at) => (typeof part === 'number' ? `[${String(part)}]` : at === 0 ? part : `.${part}`))
    .join('')
    .slice(0, maxPath)
