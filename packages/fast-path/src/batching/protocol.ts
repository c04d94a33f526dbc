import { DomainError, isObject } from '@user-stats/core'
import type { GraphRequest } from '@user-stats/graphql'

/** The endpoint of a subgraph for several operations in one request. */
export const batchPath = '/graphql/batch'
/** Operations in one batch at most. */
export const maxBatch = 256
/**
 * Characters of documents, variables and tokens in one batch at most; shared ones count once per operation.
 */
export const maxBatchCharacters = 256 * 1_024
/** Bytes of one batch at most. */
export const maxBatchBytes = 1_024 * 1_024

type Headers = Readonly<Record<string, string>>

/** An operation as the gateway sends it. */
export interface OutgoingOperation {
  readonly query: string
  readonly operationName: string | undefined
  /** As JSON. */
  readonly variables: string
  /** Headers that all operations of one caller share. */
  readonly callerHeaders: Headers
  /** Headers of this operation alone, such as its request id. */
  readonly requestHeaders: Headers
}

/** An operation as a subgraph receives it. */
export interface IncomingOperation {
  readonly request: GraphRequest
  readonly headers: Headers
}

/** The response to one operation: an HTTP status and a GraphQL response as text. */
export interface OperationResponse {
  readonly status: number
  readonly text: string
}

/** Distinct values as a JSON array, each referred to by its index. */
function createTable() {
  const indices = new Map<string, number>()
  const values: string[] = []
  return {
    indexOf(key: string, encode: () => string): number {
      const existing = indices.get(key)
      if (existing !== undefined) return existing
      indices.set(key, values.length)
      return values.push(encode()) - 1
    },
    encode: (): string => `[${values.join(',')}]`,
  }
}

/**
 * Encodes operations as JSON that repeats neither documents nor callers: `{"documents": [[query,
 * operationName]], "senders": [headers], "operations": [[document, sender, headers, variables]]}`. An
 * operation refers to its document and sender by index.
 */
export function encodeBatch(operations: readonly OutgoingOperation[]): string {
  const documents = createTable()
  const senders = createTable()
  const list = operations.map(({ query, operationName, variables, callerHeaders, requestHeaders }) => {
    const document = documents.indexOf(`${operationName ?? ''}\0${query}`, () =>
      JSON.stringify([query, operationName ?? null]),
    )
    const caller = JSON.stringify(callerHeaders)
    const sender = senders.indexOf(caller, () => caller)
    return `[${String(document)},${String(sender)},${JSON.stringify(requestHeaders)},${variables}]`
  })
  return `{"documents":${documents.encode()},"senders":${senders.encode()},"operations":[${list.join(',')}]}`
}

const toHeaders = (value: unknown): Headers | undefined =>
  isObject(value) && Object.values(value).every((header) => typeof header === 'string')
    ? (value as Headers)
    : undefined

function toDocument(value: unknown): Pick<GraphRequest, 'query' | 'operationName'> | undefined {
  const [query, name] = (Array.isArray(value) ? value : []) as unknown[]
  if (typeof query !== 'string' || (name !== null && typeof name !== 'string')) return undefined
  return { query, operationName: name ?? undefined }
}

/** @throws BAD_REQUEST when the body is not a batch */
export function decodeBatch(body: unknown): IncomingOperation[] {
  const { documents, senders, operations } = isObject(body) ? body : {}
  if (!Array.isArray(documents) || !Array.isArray(senders) || !Array.isArray(operations)) throw malformed()
  if (operations.length < 1 || operations.length > maxBatch) throw malformed()
  // Once each, however many operations refer to them.
  const decodedDocuments = documents.map(toDocument)
  const decodedSenders = senders.map(toHeaders)
  return operations.map((operation: unknown) => {
    const [documentIndex, senderIndex, headers, variables] = (
      Array.isArray(operation) ? operation : []
    ) as unknown[]
    const document = typeof documentIndex === 'number' ? decodedDocuments[documentIndex] : undefined
    const sender = typeof senderIndex === 'number' ? decodedSenders[senderIndex] : undefined
    const requestHeaders = toHeaders(headers)
    if (
      document === undefined ||
      sender === undefined ||
      requestHeaders === undefined ||
      !isObject(variables)
    )
      throw malformed()
    return { request: { ...document, variables }, headers: { ...sender, ...requestHeaders } }
  })
}

const malformed = (): DomainError =>
  new DomainError('BAD_REQUEST', { message: `A batch of 1 to ${String(maxBatch)} operations is expected.` })

/**
 * Encodes one line of a batch response: `[index, status, response]`. A response is JSON without line breaks.
 */
export const encodeResponse = (index: number, { status, text }: OperationResponse): string =>
  `[${String(index)},${String(status)},${text.trimEnd()}]\n`

/**
 * Reads a batch response as it arrives, in pieces of any size.
 *
 * @param onResponse receives the response to each operation; its text is not parsed
 */
export function createBatchReader(onResponse: (index: number, response: OperationResponse) => void) {
  const decoder = new TextDecoder()
  let rest = ''
  return (chunk: Uint8Array): void => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const first = line.indexOf(',')
      const second = line.indexOf(',', first + 1)
      onResponse(Number(line.slice(1, first)), {
        status: Number(line.slice(first + 1, second)),
        text: line.slice(second + 1, -1),
      })
    }
  }
}
