import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'

/** A body whose shape is meant to cost more than its bytes. */
export interface HostileBody {
  readonly name: string
  readonly type: string
  readonly encoding?: string
  readonly chunk?: number
  readonly bytes: (size: number) => Buffer
}

/** `unit,unit,…` in brackets, as many as fit. */
const list =
  (unit: string, open = '[', close = ']') =>
  (size: number): string =>
    `${open}${`${unit},`.repeat(Math.max(1, Math.floor((size - 2) / (unit.length + 1)))).slice(0, -1)}${close}`

/** Members or elements of which each is another. */
const distinct =
  (unit: (at: number) => string, open: string, close: string) =>
  (size: number): string => {
    const units: string[] = []
    for (let at = 0, length = 2; length < size - 40; at += 1) length += (units[at] = unit(at)).length + 1
    return `${open}${units.join()}${close}`
  }

/** JSON values by name; see `inEvent` for where they are put. */
export const values: Readonly<Record<string, (size: number) => string>> = {
  'numbers with exponents': list('1e1'),
  'numbers at the end of the range': list('1e308'),
  'numbers below the normal range': list('5e-324'),
  'numbers of seventeen digits': list('0.30000000000000004'),
  'numbers as %.17g prints them': list('52.520006599999998'),
  'short numbers': list('1'),
  'one long number': (size) => '1'.repeat(size),
  'one number full of zeros': (size) => `1${'0'.repeat(size - 2)}1`,
  'a fraction full of zeros': (size) => `0.1234567890123456${'0'.repeat(size - 20)}`,
  'small objects': list('{"a":1}'),
  'empty objects': list('{}'),
  'empty arrays': list('[]'),
  'empty strings': list('""'),
  'many keys': distinct((at) => `"k${at.toString(36)}":1`, '{', '}'),
  'many keys that are numbers': distinct((at) => `"${String((at * 7_919) % 100_000_007)}":1`, '{', '}'),
  'objects with other keys each': distinct((at) => `{"${at.toString(36)}":1}`, '[', ']'),
  'the same key again and again': list('"a":1', '{', '}'),
  'the key __proto__ again and again': list('"__proto__":{"a":1}', '{', '}'),
  'nested deep, often': list(`${'['.repeat(58)}${']'.repeat(58)}`),
  'one long string': (size) => `"${'a'.repeat(size - 2)}"`,
  'one string of escapes': (size) => `"${'\\u0041'.repeat(Math.floor((size - 2) / 6))}"`,
  'one string of quotation marks': (size) => `"${'\\"'.repeat(Math.floor((size - 2) / 2))}"`,
  'one string of e-mail signs': (size) => `"${'a@'.repeat(Math.floor((size - 2) / 2))}"`,
  'invalid at its end': (size) => list('{"a":1}')(size).replace(/\]$/, ',]'),
  'an inexact number at its end': (size) => `[${list('{"a":1}')(size - 30)},9007199254740993]`,
}

const text = (name: string, type: string, bytes: (size: number) => string): HostileBody => ({
  name,
  type,
  bytes: (size) => Buffer.from(bytes(size)),
})

const json = 'application/json'
const lines = 'application/x-ndjson'

/** What a small body becomes when it is decoded: 16 MiB, and far more than any limit. */
const bomb = (name: string, encoding: string, compress: (content: Buffer) => Buffer): HostileBody => {
  let made: Buffer | undefined
  return {
    name,
    type: json,
    encoding,
    bytes: () => (made ??= compress(Buffer.alloc(67_108_864, '['))),
  }
}

/** Bodies that are JSON as they are. */
export const jsonBodies: readonly HostileBody[] = [
  ...Object.entries(values).map(([name, value]) => text(`JSON: ${name}`, json, value)),
  text('JSON: brackets only', json, (size) => '['.repeat(size)),
  text('JSON: white space', json, (size) => ' '.repeat(size)),
  { ...text('JSON: in chunks of one byte', json, list('{"a":1}')), chunk: 1 },
]

export const otherBodies: readonly HostileBody[] = [
  text('form: many fields', 'application/x-www-form-urlencoded', (size) => 'a&'.repeat(size / 2)),
  text('form: percent signs', 'application/x-www-form-urlencoded', (size) => '%'.repeat(size)),
  text('form: escapes', 'application/x-www-form-urlencoded', (size) => `data=${'%5B'.repeat(size / 3 - 2)}`),
  text(
    'form: JSON in a field',
    'application/x-www-form-urlencoded',
    (size) => `data={"a":${list('1e1')(size - 12)}}`,
  ),
  text('multipart', 'multipart/form-data; boundary=x', (size) => '--x\r\n\r\n'.repeat(size / 7)),
  text('plain text', 'text/plain', list('1e1')),
  text('XML', 'application/xml', (size) => '<a>'.repeat(size / 3)),
  bomb('gzip bomb', 'gzip', gzipSync),
  bomb('deflate bomb', 'deflate', deflateSync),
  bomb('br bomb', 'br', brotliCompressSync),
  bomb('zstd bomb', 'zstd', zstdCompressSync),
  bomb('gzip of gzip bomb', 'gzip, gzip', (content) => gzipSync(gzipSync(content))),
]

export const streams: readonly HostileBody[] = [
  text('lines: blank', lines, (size) => '\n'.repeat(size)),
  text('lines: one character each', lines, (size) => '1\n'.repeat(size / 2)),
  text('lines: empty objects', lines, (size) => '{}\n'.repeat(size / 3)),
  text('lines: one without an end', lines, (size) => 'a'.repeat(size)),
  text('lines: megabytes of small objects', lines, (size) =>
    `{"data":${list('{"a":1}')(1_000_000)}}\n`.repeat(Math.max(1, Math.floor(size / 1_000_020))),
  ),
  text('elements: numbers', json, list('1')),
  text('elements: empty objects', json, list('{}')),
  text('elements: nested', json, (size) => '['.repeat(size)),
  { ...text('lines: in chunks of one byte', lines, (size) => '{}\n'.repeat(size / 3)), chunk: 1 },
]

/** An event whose data is a hostile value, as a route takes it. */
export const inEvent: Readonly<Record<'rest' | 'graphql', (value: string) => string>> = {
  rest: (value) => `{"type":"visit","user_id":"u-1","data":{"a":${value}}}`,
  graphql: (value) =>
    `{"query":${JSON.stringify('mutation($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }')},"variables":{"input":{"type":"visit","userId":"u-1","data":{"a":${value}}}}}`,
}
