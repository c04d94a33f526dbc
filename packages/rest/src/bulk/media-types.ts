import { elementsOf, elementsOrLinesOf, linesOf, recordsOf, type Element } from './elements.ts'
import type { BulkKind } from './kind.ts'

type Split = (stream: AsyncIterable<Buffer>) => AsyncGenerator<Element>

const splits: readonly (readonly [mediaType: string, split: Split])[] = [
  ['application/json', elementsOf],
  ['application/json-seq', recordsOf],
  // One format with several media types.
  ['application/x-ndjson', linesOf],
  ['application/ndjson', linesOf],
  ['application/jsonl', linesOf],
  ['application/jsonlines', linesOf],
]

/** How a stream is split into elements, by media type. */
export const splitsOf = ({ plainText = false }: Pick<BulkKind, 'plainText'>): ReadonlyMap<string, Split> =>
  new Map([...splits, ...(plainText ? ([['text/plain', elementsOrLinesOf]] as const) : [])])
