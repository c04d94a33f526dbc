/** `occurredAt`, `Occurred-At` and `occurred_at` are equal. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/**
 * The number of insertions, deletions, substitutions and transpositions between two names (optimal string
 * alignment distance).
 */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          (current[column - 1] ?? 0) + 1,
          (last[column] ?? 0) + 1,
          (last[column - 1] ?? 0) + Number(!same),
          swapped ? (before[column - 2] ?? Infinity) + 1 : Infinity,
        ),
      )
    }
    before = last
    last = current
  }
  return last[b.length] ?? 0
}

/**
 * The name that was probably intended by an unknown one: one in four letters may differ; case and separators
 * are ignored. Undefined when none is similar.
 */
export function nearest(name: string, ours: readonly string[]): string | undefined {
  // Too long for any of our names.
  if (name.length > 64) return undefined
  const written = plain(name)
  return ours
    .map((own) => ({ own, far: distance(written, plain(own)), allowed: Math.floor(plain(own).length / 4) }))
    .filter(({ far, allowed }) => far <= allowed)
    .sort((a, b) => a.far - b.far)[0]?.own
}
