import { yieldTurn } from '../resilience/event-loop.ts'
import { parseText, utf8Of } from './parse-json.ts'
import { JsonScanner, malformed, openingBracket } from './scan-json.ts'

/**
 * Later steps are synchronous and depend on this count: serializing the body, coercing it, visiting each
 * value.
 */
const maxTokens = 500_000

/** A container of which only a part has been parsed. */
interface Frame {
  readonly container: unknown[] | Record<string, unknown>
  /** Offset of the text that has not been parsed. */
  from: number
  /**
   * What precedes that offset: the opening bracket, a comma, or a nested container that was parsed itself.
   */
  after: 'opening' | 'comma' | 'member'
}

/**
 * Parses a JSON body of any size in pieces, and lets other requests run in between. Each piece holds the
 * complete members of the open containers, and is parsed by `JSON.parse`.
 *
 * @param piece bytes of one piece: a few milliseconds of work whatever the content
 * @throws what `parseJson` throws, and OVERLOADED when too much work waits
 */
export async function parseLargeJson(body: Uint8Array, piece = 32_768): Promise<unknown> {
  const bytes = utf8Of(body)
  const builder = new Builder(bytes)
  await yieldTurn()
  for (let at = piece; builder.read(at); at += piece) await yieldTurn()
  await yieldTurn()
  return builder.value()
}

class Builder {
  readonly #bytes: Buffer
  readonly #scanner: JsonScanner
  /** The open containers, outermost first. */
  readonly #frames: Frame[] = []
  #root: unknown
  /** Offset of the end of the root, when it was parsed in pieces. */
  #end = -1

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#scanner = new JsonScanner(bytes, {
      maxTokens,
      onClose: (at) => {
        this.#close(at)
      },
    })
  }

  /** @returns whether text remains */
  read(until: number): boolean {
    const more = this.#scanner.scan(until)
    if (more) this.#take()
    return more
  }

  value(): unknown {
    if (this.#frames.length > 0) throw malformed()
    if (this.#end === -1) this.#root = parseText(this.#bytes.toString())
    else if (this.#text(this.#end + 1, this.#bytes.length).trim() !== '') throw malformed()
    this.#scanner.requireExact()
    return this.#root
  }

  /** Parses the complete members of all open containers. */
  #take(): void {
    const { depth, opens, commas } = this.#scanner
    // Text after the root is checked at the end.
    if (this.#end !== -1) return
    for (let level = 1; level <= depth; level += 1) {
      const frame = this.#frames[level - 1] ?? this.#open(opens[level] ?? 0)
      const end = commas[level] ?? -1
      if (end >= frame.from) {
        this.#append(frame, end)
        frame.from = end + 1
        frame.after = 'comma'
      }
    }
    this.#scanner.watched = this.#frames.length
  }

  /** Opens a container inside the innermost one. */
  #open(at: number): Frame {
    const array = this.#bytes[at] === openingBracket
    const frame: Frame = { container: array ? [] : {}, from: at + 1, after: 'opening' }
    const parent = this.#frames.at(-1)
    if (parent === undefined) {
      if (this.#text(0, at).trim() !== '') throw malformed()
      this.#root = frame.container
    } else {
      const before = separated(parent, this.#text(parent.from, at))
      if (Array.isArray(parent.container)) {
        if (before.trim() !== '') throw malformed()
        parent.container.push(frame.container)
      } else {
        // Parse the name with an empty array as its value: a digit before the bracket would otherwise be
        // accepted.
        const [name, ...more] = Object.keys(parseText(`{${before}[]}`) as object)
        if (name === undefined || more.length > 0) throw malformed()
        define(parent.container, name, frame.container)
      }
    }
    this.#frames.push(frame)
    return frame
  }

  /** Closes the innermost container. */
  #close(at: number): void {
    const frame = this.#frames.pop()
    if (frame === undefined) return
    // In ASCII, each closing bracket is the opening one plus two.
    const array = this.#bytes[at] === openingBracket + 2
    if (array !== Array.isArray(frame.container)) throw malformed()
    this.#append(frame, at, true)
    const parent = this.#frames.at(-1)
    if (parent === undefined) this.#end = at
    else {
      parent.from = at + 1
      parent.after = 'member'
    }
    this.#scanner.watched = this.#frames.length
  }

  /** Parses the members up to a comma, or up to the end. */
  #append(frame: Frame, end: number, last = false): void {
    const text = this.#text(frame.from, end)
    if (text.trim() === '') {
      // `[]` and `[[…]]` have no member there; `[,` and `[1,]` lack one.
      if (frame.after === 'member' || (last && frame.after === 'opening')) return
      throw malformed()
    }
    const members = separated(frame, text)
    if (Array.isArray(frame.container)) {
      const parsed = parseText(`[${members}]`) as unknown[]
      if (parsed.length === 0) throw malformed()
      for (const value of parsed) frame.container.push(value)
    } else {
      const parsed = Object.entries(parseText(`{${members}}`) as object)
      if (parsed.length === 0) throw malformed()
      for (const [name, value] of parsed) define(frame.container, name, value)
    }
  }

  #text(from: number, end: number): string {
    return this.#bytes.toString('utf8', from, end)
  }
}

/** The text of members without the comma that separates it from the previous container. */
function separated({ after }: Frame, text: string): string {
  if (after !== 'member') return text
  const members = text.trimStart()
  if (!members.startsWith(',')) throw malformed()
  return members.slice(1)
}

/** Sets a member as `JSON.parse` does: `__proto__` is an ordinary name. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  else object[name] = value
}
