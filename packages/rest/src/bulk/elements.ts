import { DomainError, isTurnOver, nextTurn, startsWithMark } from '@user-stats/core'

/** One JSON text of a stream, and its position. */
export interface Element {
  /** The number of the line (NDJSON), of the array's element, or of the record (JSON sequences), from 1. */
  readonly line: number
  /** Undefined when it was too long; its content is skipped, not kept. */
  readonly text: Buffer | undefined
}

/** Larger than any acceptable event, in any escaping. */
const maxElementBytes = 1_048_576
/** Maximum bytes of a stream outside of elements, or in elements that are too long. */
const maxWaste = 16_777_216
const empty = Buffer.alloc(0)
const [newline, recordSeparator, quote, backslash, comma, openingBracket] = [
  0x0a, 0x1e, 0x22, 0x5c, 0x2c, 0x5b,
]
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const opens = (byte: number): boolean => byte === 0x7b || byte === 0x5b
const closes = (byte: number): boolean => byte === 0x7d || byte === 0x5d

/** Counts useless bytes. A stream of little else would keep the service busy for nothing. */
function createWaste() {
  let bytes = 0
  return (more: number): void => {
    bytes += more
    if (bytes > maxWaste)
      throw new DomainError('PAYLOAD_TOO_LARGE', {
        message: `More than ${maxWaste.toLocaleString('en')} bytes of the request body are white space, or belong to elements that are too long.`,
      })
  }
}

/** Collects the bytes of an element across chunks; drops one that becomes too long. */
function createCollector() {
  const waste = createWaste()
  let bytes = empty
  let size = 0
  return {
    waste,
    add(part: Buffer): void {
      if (part.length === 0) return
      const needed = size + part.length
      if (needed > maxElementBytes) waste(part.length)
      else {
        // Copied: a small slice would keep the whole chunk in memory.
        if (needed > bytes.length) {
          const larger = Buffer.allocUnsafe(Math.max(2 * bytes.length, needed))
          bytes.copy(larger, 0, 0, size)
          bytes = larger
        }
        part.copy(bytes, size)
      }
      size = needed
    },
    /** The element, undefined when it was too long. Valid until the next bytes are added. */
    take(): Buffer | undefined {
      const text = size > maxElementBytes ? undefined : bytes.subarray(0, size)
      if (text === undefined) bytes = empty
      size = 0
      return text
    },
  }
}

const isBlank = (text: Buffer): boolean => text.every(isSpace)

/** The parts of a stream between separators, without blank ones. Holds one part at a time. */
async function* split(stream: AsyncIterable<Buffer>, separator: number): AsyncGenerator<Element> {
  const collector = createCollector()
  let line = 0
  const take = (): Element | undefined => {
    line += 1
    const text = collector.take()
    if (text === undefined || !isBlank(text)) return { line, text }
    collector.waste(text.length + 1)
    return undefined
  }
  for await (const chunk of stream) {
    let from = 0
    for (let at = chunk.indexOf(separator); at !== -1; at = chunk.indexOf(separator, from)) {
      if (isTurnOver()) await nextTurn()
      collector.add(chunk.subarray(from, at))
      from = at + 1
      const element = take()
      if (element !== undefined) yield element
    }
    collector.add(chunk.subarray(from))
  }
  const last = take()
  if (last !== undefined) yield last
}

/** The lines of an NDJSON stream, without blank ones. */
export const linesOf = (stream: AsyncIterable<Buffer>): AsyncGenerator<Element> => split(stream, newline)

/**
 * The records of a JSON text sequence (RFC 7464).
 *
 * @throws BAD_REQUEST when the stream does not begin with a record
 */
export async function* recordsOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Element> {
  for await (const { line, text } of split(stream, recordSeparator)) {
    if (line === 1)
      throw new DomainError('BAD_REQUEST', {
        message: 'Each record of a JSON text sequence begins with the character U+001E.',
      })
    yield { line: line - 1, text }
  }
}

/** The elements of a stream that is one JSON array or NDJSON, by its first character. */
export async function* elementsOrLinesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Element> {
  const chunks = stream[Symbol.asyncIterator]()
  const waste = createWaste()
  const blank: Buffer[] = []
  let next = await chunks.next()
  while (next.done !== true && isBlank(next.value)) {
    waste(next.value.length)
    blank.push(next.value)
    next = await chunks.next()
  }
  const first = next.done === true ? empty : next.value
  async function* all(): AsyncGenerator<Buffer> {
    yield* blank
    yield first
    yield* { [Symbol.asyncIterator]: () => chunks }
  }
  yield* (first.find((byte) => !isSpace(byte)) === openingBracket ? elementsOf : linesOf)(all())
}

/** A stream without a leading byte-order mark. */
export async function* withoutMark(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = empty
  for await (const chunk of stream) {
    if (start === undefined) {
      yield chunk
      continue
    }
    const begun: Buffer = start.length === 0 ? chunk : Buffer.concat([start, chunk])
    // The mark may be split across chunks.
    start = begun.length < 3 ? begun : undefined
    if (start === undefined) yield startsWithMark(begun) ? begun.subarray(3) : begun
  }
  if (start !== undefined && start.length > 0) yield start
}

/**
 * The elements of a stream that is one JSON array. Holds one element at a time; the content of an element is
 * not validated.
 *
 * @throws BAD_REQUEST where the array itself is malformed or truncated
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
        if (byte === openingBracket && !closed) {
          depth = 1
          from = at + 1
        } else if (isSpace(byte)) collector.waste(1)
        else throw malformed()
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
      } else if (closes(byte)) {
        if (depth === 1) throw malformed()
        depth -= 1
      } else if (!isSpace(byte)) begun = true
    }
    collector.add(depth === 0 ? empty : chunk.subarray(from))
  }
  if (!closed) throw malformed()
}
