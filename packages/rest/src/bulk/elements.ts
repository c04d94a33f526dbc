import { DomainError } from '@user-stats/core'

/** One JSON text of a stream, and where it stood. */
export interface Element {
  /** The number of the line (NDJSON) or of the array's element, from 1. */
  readonly line: number
  /** Undefined when it was longer than allowed; its content is skipped then, not kept. */
  readonly text: Buffer | undefined
}

/** Larger than any event that could be accepted, however much it is escaped. */
const maxElementBytes = 1_048_576
const empty = Buffer.alloc(0)
const [newline, quote, backslash, comma] = [0x0a, 0x22, 0x5c, 0x2c]
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const opens = (byte: number): boolean => byte === 0x7b || byte === 0x5b
const closes = (byte: number): boolean => byte === 0x7d || byte === 0x5d

/** Collects the bytes of an element over chunk borders; gives up on what grows too long. */
function createCollector() {
  let parts: Buffer[] = []
  let size = 0
  return {
    add(part: Buffer): void {
      size += part.length
      if (size <= maxElementBytes) parts.push(part)
      else parts = []
    },
    take(): Buffer | undefined {
      const text = size > maxElementBytes ? undefined : Buffer.concat(parts, size)
      parts = []
      size = 0
      return text
    },
  }
}

const isBlank = (text: Buffer): boolean => text.every(isSpace)

/** The lines of a stream of NDJSON, blank ones left out. Holds one line at a time. */
export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Element> {
  const collector = createCollector()
  let line = 0
  for await (const chunk of stream) {
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      collector.add(chunk.subarray(from, at))
      from = at + 1
      line += 1
      const text = collector.take()
      if (text === undefined || !isBlank(text)) yield { line, text }
    }
    collector.add(chunk.subarray(from))
  }
  const text = collector.take()
  if (text === undefined || !isBlank(text)) yield { line: line + 1, text }
}

/**
 * The elements of a stream that is one JSON array. Holds one element at a time; what is inside an element is left
 * to whoever parses it.
 *
 * @throws BAD_REQUEST where the array itself is malformed or breaks off
 */
export async function* elementsOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Element> {
  const malformed = (): DomainError =>
    new DomainError('BAD_REQUEST', {
      message: `The request body is not a JSON array (after element ${String(line)}).`,
    })
  const collector = createCollector()
  let line = 0
  let depth = 0
  let inString = false
  let escaped = false
  let closed = false
  let begun = false

  for await (const chunk of stream) {
    let from = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0
      if (inString) {
        if (escaped) escaped = false
        else if (byte === backslash) escaped = true
        else if (byte === quote) inString = false
      } else if (depth === 0) {
        if (byte === 0x5b && !closed) {
          depth = 1
          from = at + 1
        } else if (!isSpace(byte)) throw malformed()
      } else if (byte === quote) {
        inString = true
        begun = true
      } else if (opens(byte)) {
        depth += 1
        begun = true
      } else if (depth === 1 && (byte === comma || byte === 0x5d)) {
        collector.add(chunk.subarray(from, at))
        from = at + 1
        const text = collector.take()
        // `[]` has no element; `[,` and `[1,]` have an empty one.
        if (begun) yield { line: ++line, text }
        else if (byte === comma || line > 0) throw malformed()
        begun = false
        if (byte === 0x5d) {
          depth = 0
          closed = true
        }
      } else if (closes(byte)) depth -= 1
      else if (!isSpace(byte)) begun = true
    }
    collector.add(depth === 0 ? empty : chunk.subarray(from))
  }
  if (!closed) throw malformed()
}
