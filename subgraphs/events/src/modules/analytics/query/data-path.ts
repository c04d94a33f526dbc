import { badInput, DomainError, type Caller } from '@user-stats/core'
import { requireText } from '../../event/validation.ts'

/** Where a value of `data` is: names and positions, as PostgreSQL's `#>` takes them. */
export type DataPath = readonly string[]

const maxSteps = 32
// RFC 9535: a name after a dot, a quoted name, or a position, counted from the end when negative.
const stepPattern =
  /\.([A-Za-z_\u{80}-\u{10FFFF}][\w\u{80}-\u{10FFFF}]*)|\[(-?\d{1,5})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/uy

/**
 * Reads a JSONPath (RFC 9535) that leads to one value: `$.items[0].sku`, `$['unit price']`.
 *
 * @throws BAD_USER_INPUT naming the field
 */
export function parseDataPath(field: string, text: string): DataPath {
  requireText(field, text, 512)
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
  throw badInput(
    field,
    `must be a JSONPath of up to ${String(maxSteps)} names and positions, such as $.price, $.items[0] or $['unit price']`,
  )
}

const same = (a: DataPath, b: DataPath): boolean =>
  a.length === b.length && a.every((step, at) => step === b[at])

/**
 * Lets a caller filter, group and compute by values of `data`: analysts where it is allow-listed, stores and admins
 * everywhere they may read.
 *
 * @throws FORBIDDEN saying why
 */
export function requireDataPaths(
  caller: Caller,
  paths: readonly DataPath[],
  allowed: readonly DataPath[],
): void {
  if (caller.role === 'STORE' || caller.role === 'ADMIN') return
  if (paths.every((path) => allowed.some((known) => same(path, known)))) return
  throw new DomainError('FORBIDDEN', {
    message:
      'Analysts may use the allow-listed paths of `data` only (ANALYST_DATA_PATHS), and this is none of them.',
  })
}
