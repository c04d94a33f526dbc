import fc from 'fast-check'

const code = (...units: number[]): string => String.fromCharCode(...units)

/** Strings that have broken programs, each for its own reason. */
export const naughty: readonly string[] = [
  '',
  ' ',
  '\t\r\n',
  // String terminators of C.
  '\0',
  'a\0b',
  // Other controls, a byte-order mark, characters that change how others are displayed.
  '\u0001\u001f\u007f\u0085',
  '\ufeffmark',
  '\u202emirrored\u202c',
  '\u200b\u200d\u2060',
  '\u2028\u2029',
  // Halves of a pair, a pair the wrong way round, characters that are none.
  code(0xd800),
  code(0xdfff),
  `a${code(0xdbff)}b`,
  code(0xdc00, 0xd800),
  '\ufffe\uffff',
  '\u{10ffff}',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  // Marks on marks; one name in two normal forms; letters that grow or shrink when their case changes.
  `e${'\u0301'.repeat(60)}`,
  'caf\u00e9',
  'cafe\u0301',
  'ẞßİıſﬁŉ',
  'ГРЕБЁНКА ελληνικά العربية हिन्दी ไทย 中文 日本語 한국어',
  // Words with a meaning in other languages.
  'null',
  'undefined',
  'NaN',
  'true',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '__typename',
  // Ends of other languages' strings and comments.
  `'`,
  '"',
  '\\',
  '`',
  `'; DROP TABLE orders; --`,
  `1' OR '1'='1`,
  '$1',
  '%s%n%d',
  '%00%0a%25',
  '${7*7}{{7*7}}<%= 7*7 %>',
  '<script>alert(1)</script>',
  ']]>--><!--',
  '../../../../etc/passwd',
  'file:///etc/passwd',
  '|| sleep 5 &',
  '*',
  '%',
  '_',
  '.*(a+)+$',
  '{"a":1}',
  '[]',
  '0',
  '-0',
  '1e400',
  '0x1f',
  '2026-02-30',
  '9007199254740993',
  'a'.repeat(129),
  '😀'.repeat(128),
]

/** A text of any length: the limits that the documents name, one below and one above them. */
const long = fc
  .tuple(
    fc.constantFrom('x', 'é', '😀', '\u0300', '"'),
    fc.constantFrom(64, 100, 101, 127, 128, 129, 254, 255, 256, 300, 301, 1_024, 1_025, 70_000),
  )
  .map(([character, times]) => character.repeat(times))

/** UTF-16 as it comes, halves of pairs included. */
const units = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes))

/** A text that any rule for names accepts. */
export const plainText = fc.oneof(
  fc.constantFrom('view', 'purchase', 'Ünïcode name', 'a/b', 'x'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
)

export const anyText = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...naughty) },
  { weight: 1, arbitrary: long },
  { weight: 2, arbitrary: units },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
)

/** Names of members, short enough to be quoted in errors. */
export const memberName = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'ü',
    '',
    '0',
    '__proto__',
    'constructor',
    'toJSON',
    'then',
    'length',
    '$ref',
    'a.b',
  ),
  fc.constantFrom('\0', code(0xd83d), '\u202e', ' ', "'", '"'),
)
