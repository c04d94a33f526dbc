/** Traces of internals: stack frames, files, SQL, and messages of databases and libraries. */
const internals =
  /node_modules|\.[cm]?[jt]sx?:\d+|\n\s+at |\bat (?:async )?[\w.<>]+ \(|\/(?:subgraphs|packages|prisma|gateway)\/|SQLSTATE|syntax error at or near|violates [\w-]+ constraint|(?:relation|column|function) "?\w+"? (?:of|does not)|\bprisma\b|\bpostgres|\bpg_\w+|ECONN\w+|Cannot (?:read|set) propert|is not (?:a function|iterable|defined(?! by))|Unexpected token|Maximum call stack|\bundici\b|\bajv\b/i

/** The first trace of something internal in a text, if there is one. */
export function internalIn(text: string, names: RegExp | undefined): string | undefined {
  return internals.exec(text)?.[0] ?? names?.exec(text)?.[0]
}

/** Tables and columns that none of the public documents mention, as one pattern. */
export function namesOnlyInside(names: readonly string[], documents: readonly string[]): RegExp | undefined {
  const published = documents.join('\n')
  // A word without an underscore may be an ordinary word.
  const secret = [...new Set(names)].filter((name) => name.includes('_') && !published.includes(name))
  return secret.length === 0 ? undefined : new RegExp(`\\b(?:${secret.join('|')})\\b`)
}

/** The first of the values that stands in a text. */
export const valueIn = (text: string, values: readonly string[]): string | undefined =>
  values.find((value) => value !== '' && text.includes(value))
