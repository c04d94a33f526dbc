import { expect, test } from '@jest/globals'
import { survivesDouble } from '@user-stats/core'
import { parseJson } from '@user-stats/core'
import { refusalOf } from '../src/testing.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

test.each([
  '0',
  '-0',
  '0.1',
  '1.10',
  '1e2',
  '1E5',
  '1E+5',
  '1.5e-7',
  '100000000000000000000',
  '0.30000000000000004',
  '0.10000000000000001',
  '52.520006599999998',
  '-3.1415926535897931E+00',
  '1.0000000000000001e-05',
  '1.0000000000000002e+22',
  '600000000000000.25',
  '1000000000000000.2',
  '1000000000000000.3',
  '9.0000076293945312',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740991',
  '123456789012345680',
  '1.7976931348623157e308',
  '5e-324',
  '0.00000000000000000000000',
  '0e999999',
  '1000000.0000000000000000000',
  '1e308',
  '179.7e306',
  '50e-325',
  '2.2250738585072014e-308',
])('the number %s is accepted', (literal) => {
  expect(survivesDouble(literal)).toBe(true)
  expect(parse(`{"data":{"n":${literal}}}`)).toEqual({ data: { n: Number(literal) } })
})

test.each([
  '1e400',
  '-1e400',
  '1e-400',
  '4e-324',
  '12345678901234567890',
  '9007199254740993.0',
  '9.007199254740993E+15',
  '4503599627370496.3',
  '3.141592653589793238',
  '123456789012345678',
  '9007199254740993',
  '-9007199254740993',
  '3.14159265358979323846',
  '0.12345678901234567890123456789',
  '1.00000000000000000001',
  '1e99999999999999999999',
  '2e308',
  '1e309',
  '1.8e308',
  '123e-326',
  '1'.repeat(5_000),
])('the number %s would change in double precision and is refused, naming its path', async (literal) => {
  expect(survivesDouble(literal)).toBe(false)
  expect(await refusalOf(() => parse(`{"data":{"price":${literal}}}`))).toMatchObject({
    code: 'BAD_USER_INPUT',
    field: 'data.price',
  })
})

test('each number that would change is named with its whole path', async () => {
  const body = `{"batch": [ {"n": 1}, {"a\\"b" : {"": [0, [1e400, -1e400]]}, "n" : "1e400"} ], "x": 9007199254740993}`
  expect(await refusalOf(() => parse(body))).toEqual({
    code: 'BAD_USER_INPUT',
    field: 'batch[1].a"b.[1][0]',
    faults: ['batch[1].a"b.[1][0]', 'batch[1].a"b.[1][1]', 'x'],
    message: expect.stringMatching(
      /^batch\[1\]\.a"b\.\[1\]\[0\]: .*; .*; x: the number cannot be kept exactly/,
    ),
  })
  const many = await refusalOf(() => parse(`[${'1e400,'.repeat(1_000)}1]`))
  expect(many.faults).toHaveLength(20)
  const long = await refusalOf(() => parse(`{"${'x'.repeat(100_000)}":1e400}`))
  expect(long.message.length).toBeLessThan(400)
})

test('a number that would change is refused at any position, but the same digits in a string are not', async () => {
  expect(await refusalOf(() => parse('[[1e400]]'))).toMatchObject({
    code: 'BAD_USER_INPUT',
    field: '[0][0]',
  })
  const alone = await refusalOf(() => parse('1e400'))
  expect(alone.field).toBeUndefined()
  expect(alone.message).toMatch(/^In the request body/)
  expect(parse('{"a":"1e400","12345678901234567890":"\\"12345678901234567890"}')).toEqual({
    a: '1e400',
    '12345678901234567890': '"12345678901234567890',
  })
})

test.each([
  '',
  ' \n',
  '{',
  '{"a":}',
  "{'a':1}",
  '{"a":1,}',
  'NaN',
  '{"a":01}',
  '"\t"',
  '[1]]',
  '\\',
  '{"a":1e}',
])('malformed JSON is a bad request: %j', async (text) => {
  const { code, message } = await refusalOf(() => parse(text))
  expect(code).toBe('BAD_REQUEST')
  expect(message).toMatch(/^The request body is (not valid JSON|empty)/)
})

test('bytes that are not UTF-8 are a bad request', async () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xe2, 0x82],
  ])
    expect(await refusalOf(() => parseJson(Uint8Array.from(bytes)))).toEqual({
      code: 'BAD_REQUEST',
      message: 'The request body is not valid UTF-8.',
    })
})

test('up to 64 levels of nesting are parsed; brackets in strings do not count', async () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  expect(parse(nested(64))).toBeInstanceOf(Array)
  expect(await refusalOf(() => parse(nested(65)))).toMatchObject({ code: 'BAD_USER_INPUT' })
  expect(await refusalOf(() => parse('{"a":'.repeat(100_000)))).toMatchObject({ code: 'BAD_USER_INPUT' })
  expect(parse(JSON.stringify('[{\\"'.repeat(1_000)))).toBe('[{\\"'.repeat(1_000))
  expect(parse(`[${'[],'.repeat(1_000)}1]`)).toHaveLength(1_001)
})

test('members named like those of Object.prototype are ordinary members', () => {
  const value = parse('{"__proto__":{"isAdmin":true},"constructor":1}') as object
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
  expect('isAdmin' in value).toBe(false)
})
