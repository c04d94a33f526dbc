import { DomainError } from '@user-stats/core'
import type { GraphRequest } from '../../request.ts'

/** Where a subgraph of ours takes several operations at once. */
export const batchPath = '/graphql/batch'
/** Operations of one batch at most. */
export const maxBatch = 256
/** Characters of documents, variables and tokens of one batch at most, those in common counted for each operation. */
export const maxBatchCharacters = 256 * 1_024
/** Bytes of one batch at most. */
export const maxBatchBytes = 1_024 * 1_024

type Headers = Readonly<Record<string, string>>

/** An operation on its way to a subgraph. */
export interface OutgoingOperation {
  readonly query: string
  readonly operationName?: string | undefined
  /** As JSON. */
  readonly variables: string
  /** Headers that say who sent it; many operations have them in common. */
  readonly sender: Headers
  /** Headers of this operation alone, such as its request id. */
  readonly own: Headers
}

/** An operation as it arrives at a subgraph. */
export interface IncomingOperation {
  readonly request: GraphRequest
  readonly headers: Headers
}

/** What a subgraph answers to one operation: an HTTP status and a GraphQL response. */
export interface OperationAnswer {
  readonly status: number
  readonly text: string
}

/** Distinct values as JSON, each with its place. */
function createTable() {
  const places = new Map<string, number>()
  const values: string[] = []
  return {
    placeOf(key: string, write: () => string): number {
      const known = places.get(key)
      if (known !== undefined) return known
      places.set(key, values.length)
      return values.push(write()) - 1
    },
    text: (): string => `[${values.join(',')}]`,
  }
}

/**
 * Operations as one JSON text, with what they have in common in it once:
 * `{"documents": [[query, name]], "senders": [headers], "operations": [[document, sender, headers, variables]]}`,
 * where an operation names its document and sender by their places.
 */
export function encodeBatch(operations: readonly OutgoingOperation[]): string {
  const documents = createTable()
  const senders = createTable()
  const list = operations.map(({ query, operationName, variables, sender, own }) => {
    const document = documents.placeOf(`${operationName ?? ''}\0${query}`, () =>
      JSON.stringify([query, operationName ?? null]),
    )
    const who = JSON.stringify(sender)
    return `[${String(document)},${String(senders.placeOf(who, () => who))},${JSON.stringify(own)},${variables}]`
  })
  return `{"documents":${documents.text()},"senders":${senders.text()},"operations":[${list.join(',')}]}`
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const toHeaders = (value: unknown): Headers | undefined =>
  isObject(value) && Object.values(value).every((header) => typeof header === 'string')
    ? (value as Headers)
    : undefined

function toDocument(value: unknown): Pick<GraphRequest, 'query' | 'operationName'> | undefined {
  const [query, name] = (Array.isArray(value) ? value : []) as unknown[]
  if (typeof query !== 'string' || (name !== null && typeof name !== 'string')) return undefined
  return { query, operationName: name ?? undefined }
}

/** @throws BAD_REQUEST when it is no batch */
export function decodeBatch(body: unknown): IncomingOperation[] {
  const { documents, senders, operations } = isObject(body) ? body : {}
  if (!Array.isArray(documents) || !Array.isArray(senders) || !Array.isArray(operations)) throw malformed()
  if (operations.length < 1 || operations.length > maxBatch) throw malformed()
  // Once, however many operations have them in common.
  const knownDocuments = documents.map(toDocument)
  const knownSenders = senders.map(toHeaders)
  return operations.map((operation: unknown) => {
    const [at, from, headers, variables] = (Array.isArray(operation) ? operation : []) as unknown[]
    const document = typeof at === 'number' ? knownDocuments[at] : undefined
    const sender = typeof from === 'number' ? knownSenders[from] : undefined
    const own = toHeaders(headers)
    if (document === undefined || sender === undefined || own === undefined || !isObject(variables))
      throw malformed()
    return { request: { ...document, variables }, headers: { ...sender, ...own } }
  })
}

const malformed = (): DomainError =>
  new DomainError('BAD_REQUEST', { message: `A batch of 1 to ${String(maxBatch)} operations is expected.` })

/** One line of an answer: `[place, status, response]`. A response is JSON without line breaks. */
export const encodeAnswer = (place: number, { status, text }: OperationAnswer): string =>
  `[${String(place)},${String(status)},${text.trimEnd()}]\n`

/**
 * Reads an answer as it arrives, in any pieces.
 *
 * @param take is told each operation's answer; responses are not parsed
 */
export function createAnswerReader(take: (place: number, answer: OperationAnswer) => void) {
  const decoder = new TextDecoder()
  let rest = ''
  return (chunk: Uint8Array): void => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const first = line.indexOf(',')
      const second = line.indexOf(',', first + 1)
      take(Number(line.slice(1, first)), {
        status: Number(line.slice(first + 1, second)),
        text: line.slice(second + 1, -1),
      })
    }
  }
}
