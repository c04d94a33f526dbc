import { badInput } from '../errors/domain-error.ts'

/** The location of a value in an event's `data`: names and positions, as PostgreSQL's `#>` accepts them. */
export type DataPath = readonly string[]

const maxSteps = 32
const maxLength = 512
// RFC 9535: a name after a dot, a quoted name, or a position, counted from the end when negative.
const stepPattern =
  /\.([A-Za-z_\u{80}-\u{10FFFF}][\w\u{80}-\u{10FFFF}]*)|\[(-?\d{1,5})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/uy

/** Parses a JSONPath (RFC 9535) to one value: `$.items[0].sku`, `$['unit price']`. Null if it is not one. */
export function readDataPath(text: string): DataPath | null {
  if (text.length > maxLength || text.includes('\0') || !text.isWellFormed()) return null
  const steps: string[] = []
  const step = new RegExp(stepPattern)
  step.lastIndex = 1
  while (text.startsWith('$') && step.lastIndex < text.length) {
    const [, name, position, single, double] = step.exec(text) ?? []
    const found = name ?? position ?? (single ?? double)?.replaceAll(/\\(.)/gsu, '$1')
    if (found === undefined) break
    steps.push(found)
    if (step.lastIndex === text.length && steps.length <= maxSteps) return steps
  }
  return null
}

/** Writes the JSONPath that `readDataPath` reads as these names. Null if there is none. */
export function formatDataPath(steps: DataPath): string | null {
  const text = `$${steps.map(formatName).join('')}`
  return readDataPath(text) === null ? null : text
}

const formatName = (name: string): string =>
  /^[A-Za-z_\u{80}-\u{10FFFF}][\w\u{80}-\u{10FFFF}]*$/u.test(name)
    ? `.${name}`
    : `['${name.replaceAll(/['\\]/g, '\\$&')}']`

/** @throws BAD_USER_INPUT naming the field, unless `readDataPath` accepts the text */
export function parseDataPath(field: string, text: string): DataPath {
  const path = readDataPath(text)
  if (path === null)
    throw badInput(
      field,
      `must be a JSONPath of up to ${String(maxSteps)} names and positions and ${String(maxLength)} characters, such as $.price, $.items[0] or $['unit price']`,
    )
  return path
}
