import fc from 'fast-check'

const bytes = (...parts: (string | number)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))))

/** JSON texts at the edges of the grammar, valid and invalid, as bytes. */
const texts: readonly Uint8Array[] = [
  ...[
    '',
    ' ',
    '\n',
    '{}',
    '[]',
    'null',
    'true',
    '0',
    '""',
    '[{}]',
    // Invalid numbers.
    '[01]',
    '[+1]',
    '[1.]',
    '[.5]',
    '[1e]',
    '[1e+]',
    '[0x10]',
    '[-]',
    '[--1]',
    '[1 2]',
    '[Infinity]',
    '[NaN]',
    '[-0]',
    '[1e400]',
    '[123456789012345678901234567890]',
    '[\uff11]',
    // Invalid strings and escapes.
    '["a]',
    "['a']",
    '["\t"]',
    '["\n"]',
    '["\\x41"]',
    '["\\u00"]',
    '["\\uD800"]',
    '["\\uDC00\\uD800"]',
    '["\\ud83d\\ude00"]',
    '["\\u0000"]',
    '["\\"]',
    '["\0"]',
    // Structure.
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[1',
    '1]',
    '[]]',
    '[}',
    '{"a":1,}',
    '{"a"}',
    '{"a":}',
    '{:1}',
    '{a:1}',
    '{"a":1 "b":2}',
    '{"a":1,"a":2}',
    '{"":{"":{}}}',
    '{"__proto__":{"role":"ADMIN"},"constructor":{"prototype":{}}}',
    '{"a":1}{"a":2}',
    '{} garbage',
    '// comment\n{}',
    '{/* comment */}',
    '\ufeff{}',
    '\ufeff',
    '\u00a0{}',
    '\u2028{}',
    '\f{}',
    'nul',
    'True',
    'undefined',
    '{"query":"{__typename}"}',
    `${'['.repeat(64)}${']'.repeat(64)}`,
    `${'['.repeat(65)}${']'.repeat(65)}`,
    `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    '['.repeat(100_000),
    `"${'a'.repeat(200_000)}"`,
    `{${Array.from({ length: 3_000 }, (_, n) => `"k${String(n)}":${String(n)}`).join(',')}}`,
  ].map((text) => Buffer.from(text)),
  // Invalid UTF-8: single bytes, truncated, overlong, surrogates, too high, Latin-1, UTF-16 with and without
  // its mark.
  bytes('["', 0x80, '"]'),
  bytes('["', 0xe2, 0x82, '"]'),
  bytes('["', 0xc0, 0xaf, '"]'),
  bytes('["', 0xed, 0xa0, 0x80, '"]'),
  bytes('["', 0xf4, 0x90, 0x80, 0x80, '"]'),
  bytes('{"', 0xe9, '":1}'),
  bytes(0xff, 0xfe, Buffer.from('{}', 'utf16le').toString('latin1')),
  Buffer.from('{"a":1}', 'utf16le'),
  bytes(0xef, 0xbb),
  bytes(0x1f, 0x8b, 0x08, 0x00),
]

export const edgeText = fc.constantFrom(...texts)

/** Ways to corrupt a valid text. */
export const damage = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.constantFrom(',', '\0', '"', '\\', '}', ']', '\ufeff', '//').map((text) => Buffer.from(text)),
  }),
  fc.record({
    kind: fc.constant('replace' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.constantFrom(0xff, 0x00, 0xc3, 0x22, 0x7b, 0x2c).map((byte) => Buffer.from([byte])),
  }),
)
export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never

/** Corrupts a text at one position. */
export function damaged(text: Uint8Array, how: Damage): Uint8Array {
  const at = Math.floor(how.at * text.length)
  if (how.kind === 'cut') return text.subarray(0, at)
  const rest = text.subarray(how.kind === 'replace' ? at + 1 : at)
  return Buffer.concat([text.subarray(0, at), how.bytes, rest])
}
