/** `occurredAt`, `Occurred-At` and `occurred_at` are the same. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/**
 * How many letters have to be added, removed, changed or exchanged with the next one to make one name of the other
 * (optimal string alignment distance).
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
 * Which of our names somebody meant who wrote another one: one in four letters may differ, capitals and separators do
 * not count. Undefined when none is near.
 */
export function nearest(name: string, ours: readonly string[]): string | undefined {
  // Longer than any of ours by more than may differ.
  if (name.length > 64) return undefined
  const written = plain(name)
  return ours
    .map((own) => ({ own, far: distance(written, plain(own)), allowed: Math.floor(plain(own).length / 4) }))
    .filter(({ far, allowed }) => far <= allowed)
    .sort((a, b) => a.far - b.far)[0]?.own
}
