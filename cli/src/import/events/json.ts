import type { SourceRecord } from './csv.ts'

/** A line that is no JSON. */
export class JsonFault {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return new JsonFault(text)
  }
}

/** The lines of a stream of NDJSON, or the elements of one JSON array, whichever it begins as. */
export async function* readJson(chunks: AsyncIterable<string>): AsyncGenerator<SourceRecord> {
  let array: boolean | undefined
  let line = 1
  let began = 1
  let text = ''
  let depth = 0
  let quoted = false
  let escaped = false
  for await (const chunk of chunks)
    for (const character of chunk) {
      if (array === undefined) {
        if (/[\s\uFEFF]/.test(character)) continue
        array = character === '['
        if (array) continue
      }
      if (character === '\n') line += 1
      const ends = array
        ? depth === 0 && !quoted && (character === ',' || character === ']')
        : character === '\n'
      if (ends) {
        if (text.trim() !== '') yield { line: began, value: parse(text) }
        text = ''
        began = line
        continue
      }
      text += character
      if (!array) continue
      if (quoted) {
        if (escaped) escaped = false
        else if (character === '\\') escaped = true
        else if (character === '"') quoted = false
      } else if (character === '"') quoted = true
      else if (character === '{' || character === '[') depth += 1
      else if (character === '}' || character === ']') depth -= 1
    }
  if (text.trim() !== '') yield { line: began, value: parse(text) }
}
