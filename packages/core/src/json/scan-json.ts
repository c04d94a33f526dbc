import { badInputs, DomainError, maxFaults, toFault } from '../errors/domain-error.ts'
import { isHeld, survivesDouble } from './double.ts'
import { inexactRule, toPath } from './json-text.ts'

/** Deeper JSON is refused before any recursion over it. */
const maxDepth = 64
/** More than fits into the 64 KiB of an event's data. One large object is costlier than many small ones. */
const maxMembers = 10_000
/** Maximum characters of a number: a longer one is mostly zeros, or has more digits than a double. */
const maxNumber = 4_096

/** Maximum bytes of a string, as written: far more than a document or an event may have. It is parsed synchronously. */
const maxString = 1_048_576

const [quote, backslash, comma, colon, minus, plus, dot, zero, nine] = [
  0x22, 0x5c, 0x2c, 0x3a, 0x2d, 0x2b, 0x2e, 0x30, 0x39,
]
export const [openingBrace, openingBracket] = [0x7b, 0x5b]
const [closingBrace, closingBracket] = [0x7d, 0x5d]

export interface ScanOptions {
  /** Maximum names and values, counted by their separators. */
  readonly maxTokens: number
  /** Called with the offset of the end of each container that is no deeper than `watched`. */
  readonly onClose?: (at: number) => void
}

/**
 * Scans the bytes of a JSON text once. Outside of strings it measures nesting depth and size, and checks that
 * each number survives double precision. It does not validate the JSON. The scan can pause anywhere and
 * resume.
 */
export class JsonScanner {
  readonly bytes: Buffer
  readonly #options: ScanOptions
  /** Number of open containers. */
  depth = 0
  /** Maximum depth for which `onClose` is called. */
  watched = 0
  /** By depth, for the open container: offset of its start, and of its last comma, or -1. */
  readonly opens = new Int32Array(maxDepth + 1)
  readonly commas = new Int32Array(maxDepth + 1).fill(-1)
  /** By depth: commas seen so far, and offset of the current member's name, or -1. */
  readonly #counts = new Int32Array(maxDepth + 1)
  readonly #names = new Int32Array(maxDepth + 1).fill(-1)
  #at = 0
  #tokens = 0
  #inString = false
  #string = 0
  /** Paths of the numbers that a double would change. */
  readonly #inexact: string[] = []

  constructor(bytes: Buffer, options: ScanOptions) {
    this.bytes = bytes
    this.#options = options
  }

  /**
   * Scans to an offset, or a little further.
   *
   * @returns whether text remains
   * @throws BAD_USER_INPUT when nested too deep or when too many numbers would change, PAYLOAD_TOO_LARGE when
   *   there are too many tokens or a string is too long, BAD_REQUEST when there are too many closing brackets
   */
  scan(until: number): boolean {
    const { bytes, opens, commas } = this
    const { maxTokens, onClose } = this.#options
    const end = Math.min(until, bytes.length)
    let at = this.#at
    let depth = this.depth
    let tokens = this.#tokens
    let inString = this.#inString
    while (at < end) {
      const byte = bytes[at] ?? 0
      if (inString) {
        if (byte === quote) {
          inString = false
          if (at - this.#string > maxString) throw tooLong()
        } else if (byte === backslash) at += 1
        at += 1
      } else if (byte === quote) {
        inString = true
        this.#string = at
        at += 1
      } else if (byte >= zero && byte <= nine) at = this.#number(at, depth)
      else {
        if (byte === comma) {
          tokens += 1
          commas[depth] = at
          const count = (this.#counts[depth] ?? 0) + 1
          this.#counts[depth] = count
          if (count >= maxMembers && bytes[opens[depth] ?? 0] === openingBrace) throw tooManyMembers()
        } else if (byte === colon) {
          tokens += 1
          this.#names[depth] = this.#string
        } else if (byte === openingBrace || byte === openingBracket) {
          tokens += 1
          depth += 1
          if (depth > maxDepth) throw tooDeep()
          opens[depth] = at
          commas[depth] = -1
          this.#counts[depth] = 0
          this.#names[depth] = -1
        } else if (byte === closingBrace || byte === closingBracket) {
          if (depth === 0) throw malformed()
          if (depth <= this.watched) onClose?.(at)
          depth -= 1
        }
        if (tokens > maxTokens) throw tooMany(maxTokens)
        at += 1
      }
    }
    this.#at = at
    this.depth = depth
    this.#tokens = tokens
    this.#inString = inString
    return at < bytes.length
  }

  /** @returns the offset of the end of the number that begins here */
  #number(start: number, depth: number): number {
    const { bytes } = this
    let at = start
    let byte = bytes[at] ?? 0
    // Significant digits, zeros after them, and the power of ten of the last digit.
    let digits = 0
    let zeros = 0
    let scale = 0
    let fraction = 0
    for (;;) {
      if (byte > zero && byte <= nine) {
        digits += zeros + 1
        zeros = 0
        scale -= fraction
      } else if (byte === zero) {
        if (digits > 0) zeros += 1
        scale -= fraction
      } else if (byte === dot && fraction === 0) fraction = 1
      else break
      if (at - start > maxNumber) {
        this.#addInexact(depth)
        this.requireExact()
      }
      byte = bytes[(at += 1)] ?? 0
    }
    if (byte === 0x65 || byte === 0x45) {
      byte = bytes[(at += 1)] ?? 0
      const sign = byte === minus ? -1 : 1
      if (byte === minus || byte === plus) byte = bytes[(at += 1)] ?? 0
      let written = 0
      for (; byte >= zero && byte <= nine; byte = bytes[(at += 1)] ?? 0)
        if (written < 1e9) written = written * 10 + byte - zero
      scale += sign * written
    }
    if (digits === 0) return at
    // The power of ten of the first significant digit.
    const exponent = digits + zeros + scale - 1
    if (!(isHeld(digits, exponent) ?? survivesDouble(bytes.toString('latin1', start, at))))
      this.#addInexact(depth)
    return at
  }

  #addInexact(depth: number): void {
    this.#inexact.push(toPath(Array.from({ length: depth }, (_, above) => this.#partAt(above + 1))))
    if (this.#inexact.length === maxFaults) this.requireExact()
  }

  /** The name or index of the current member of a container. */
  #partAt(depth: number): string | number {
    if (this.bytes[this.opens[depth] ?? 0] === openingBracket) return this.#counts[depth] ?? 0
    const name = this.#names[depth] ?? -1
    if (name === -1) throw malformed()
    let end = name + 1
    while (end < this.bytes.length && this.bytes[end] !== quote) end += this.bytes[end] === backslash ? 2 : 1
    try {
      return JSON.parse(this.bytes.toString('utf8', name, end + 1)) as string
    } catch {
      throw malformed()
    }
  }

  /** @throws BAD_USER_INPUT naming the numbers found so far that would change in double precision */
  requireExact(): void {
    const [first] = this.#inexact
    if (first === '')
      throw new DomainError('BAD_USER_INPUT', { message: `In the request body, ${inexactRule}.` })
    if (first !== undefined) throw badInputs(this.#inexact.map((path) => toFault(path, inexactRule)))
  }
}

const tooDeep = (): DomainError =>
  new DomainError('BAD_USER_INPUT', {
    message: `The request body is nested deeper than ${String(maxDepth)} levels.`,
  })

const tooLong = (): DomainError =>
  new DomainError('PAYLOAD_TOO_LARGE', {
    message: `A string in the request body is longer than ${maxString.toLocaleString('en')} bytes.`,
  })

const tooMany = (maximum: number): DomainError =>
  new DomainError('PAYLOAD_TOO_LARGE', {
    message: `The request body has more than ${maximum.toLocaleString('en')} names and values. Send fewer at a time.`,
  })

const tooManyMembers = (): DomainError =>
  new DomainError('PAYLOAD_TOO_LARGE', {
    message: `An object in the request body has more than ${maxMembers.toLocaleString('en')} members. Send fewer at a time.`,
  })

export const malformed = (): DomainError =>
  new DomainError('BAD_REQUEST', { message: 'The request body is not valid JSON.' })
