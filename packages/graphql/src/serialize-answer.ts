import { DomainError, isTurnOver, nextTurn } from '@user-stats/core'

/** Maximum bytes of a response. */
export const maxAnswerBytes = 8 * 1_024 * 1_024
/** Work that is done synchronously: about a millisecond. */
const maxPiece = 5_000
/** Characters of text that take as long as one value. */
const charactersPerValue = 50

/** The error for a response that is too large; the operation has been executed by then. */
export const answerTooLarge = (bytes: number): DomainError =>
  new DomainError('ANSWER_TOO_LARGE', {
    message: `The response has ${String(bytes)} bytes or more; at most ${String(maxAnswerBytes)} are allowed. Request shorter lists (first, limit) or fewer fields. A mutation has been executed.`,
    limit: { name: 'answerBytes', requested: bytes, maximum: maxAnswerBytes },
  })

/**
 * The JSON text of a response. A large one is serialized in pieces, and other requests run in between.
 *
 * @throws ANSWER_TOO_LARGE as soon as it exceeds the maximum
 */
export async function serializeAnswer(answer: object): Promise<string> {
  if (weightOf(answer, maxPiece) <= maxPiece) return JSON.stringify(answer)
  const writer = new AnswerWriter()
  await writer.write(answer)
  return writer.text()
}

/** The work of serializing a value: its values and characters. Stops counting above `most`. */
function weightOf(value: unknown, most: number): number {
  if (typeof value === 'string') return 1 + value.length / charactersPerValue
  if (typeof value !== 'object' || value === null) return 1
  let weight = 1
  for (const member of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
    weight += weightOf(member, most - weight)
    if (weight > most) break
  }
  return weight
}

class AnswerWriter {
  readonly #pieces: string[] = []
  #bytes = 0

  text(): string {
    return this.#pieces.join('')
  }

  async write(value: unknown): Promise<void> {
    if (Array.isArray(value)) await this.#writeList(value)
    else if (isPlainObject(value) && weightOf(value, maxPiece) > maxPiece) await this.#writeObject(value)
    else await this.#push(JSON.stringify(value ?? null))
  }

  async #writeObject(value: Readonly<Record<string, unknown>>): Promise<void> {
    let separator = '{'
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue
      await this.#push(`${separator}${JSON.stringify(name)}:`)
      await this.write(member)
      separator = ','
    }
    await this.#push(separator === '{' ? '{}' : '}')
  }

  /** Takes as many items as make a piece. */
  async #writeList(items: readonly unknown[]): Promise<void> {
    let from = 0
    let weight = 0
    await this.#push('[')
    for (const [at, item] of items.entries()) {
      const own = weightOf(item, maxPiece)
      if (weight + own > maxPiece) {
        await this.#writeItems(items, from, at)
        from = at
        weight = 0
      }
      weight += own
      if (own <= maxPiece) continue
      if (at > 0) await this.#push(',')
      await this.write(item)
      from = at + 1
      weight = 0
    }
    await this.#writeItems(items, from, items.length)
    await this.#push(']')
  }

  async #writeItems(items: readonly unknown[], from: number, to: number): Promise<void> {
    if (from === to) return
    const text = JSON.stringify(items.slice(from, to)).slice(1, -1)
    await this.#push(from === 0 ? text : `,${text}`)
  }

  async #push(piece: string): Promise<void> {
    this.#bytes += Buffer.byteLength(piece)
    if (this.#bytes > maxAnswerBytes) throw answerTooLarge(this.#bytes)
    this.#pieces.push(piece)
    if (isTurnOver()) await nextTurn()
  }
}

/** Whether JSON serializes an object by its members only: a date has a form of its own. */
const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !('toJSON' in value)
