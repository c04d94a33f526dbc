/** One record of a file: its line, from 1, and what it holds. */
export interface SourceRecord {
  readonly line: number
  readonly value: unknown
}

const mark = '\uFEFF'

/**
 * The records of a stream of CSV (RFC 4180) as objects, by the names in the first line. Fields may hold line
 * breaks.
 */
export async function* readCsv(chunks: AsyncIterable<string>): AsyncGenerator<SourceRecord> {
  let names: readonly string[] | undefined
  for await (const { line, fields } of recordsOf(chunks)) {
    if (names === undefined) names = fields
    else if (fields.length > 1 || fields[0] !== '')
      yield { line, value: Object.fromEntries(names.map((name, at) => [name, fields[at] ?? ''])) }
  }
}

async function* recordsOf(
  chunks: AsyncIterable<string>,
): AsyncGenerator<{ readonly line: number; readonly fields: string[] }> {
  let separator: string | undefined
  let line = 1
  let began = 1
  let fields: string[] = []
  let field = ''
  let quoted = false
  /** A quote inside a quoted field: it ends it, or the next one makes it a quote. */
  let pending = false
  let first = true
  for await (const chunk of chunks) {
    const text = first && chunk.startsWith(mark) ? chunk.slice(1) : chunk
    first = false
    // The separator is the first of them in the names.
    separator ??= /[,;\t]/.exec(text)?.[0]
    for (const character of text) {
      if (character === '\n') line += 1
      if (quoted && !pending) {
        if (character === '"') pending = true
        else field += character
      } else if (pending && character === '"') {
        field += '"'
        pending = false
      } else if (character === '"' && field === '') quoted = true
      else {
        if (pending) quoted = pending = false
        if (character === (separator ?? ',')) {
          fields.push(field)
          field = ''
        } else if (character === '\n') {
          fields.push(field.replace(/\r$/, ''))
          yield { line: began, fields }
          fields = []
          field = ''
          began = line
        } else field += character
      }
    }
  }
  if (field !== '' || fields.length > 0) yield { line: began, fields: [...fields, field.replace(/\r$/, '')] }
}
