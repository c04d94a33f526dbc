import { Readable } from 'node:stream'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { SignedInCaller } from '@user-stats/core'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const post = (
  caller: SignedInCaller | null,
  body: string | Uint8Array,
  type = 'application/x-ndjson',
  headers: Record<string, string> = {},
) => events.send('POST', '/api/events', caller, body, { 'content-type': type, ...headers })
const line = (n: number, more: object = {}): string =>
  JSON.stringify({
    type: 'seen',
    user_id: `user ${String(n)}`,
    data: { text: 'a "quoted" [bracket], {brace} \\' },
    ...more,
  })
const countOf = async (storeId: number): Promise<number> =>
  (await events.owner.query('SELECT FROM events WHERE store_id = $1', [storeId])).rowCount ?? 0

test('NDJSON: counts what was accepted, repeated and rejected, with the lines at fault', async () => {
  const body = [
    line(1, { idempotency_key: 'a' }),
    '',
    line(2, { idempotency_key: 'a' }),
    line(1, { idempotency_key: 'a' }),
    '{"type":',
    line(3, { occurred_at: '2026-01-01T00:00:00+01:00' }),
    line(4, { unknown: 1 }),
    '[]',
    line(5, { type: '' }),
    line(6, { occurred_at: '2100-01-01T00:00:00Z' }),
    line(7, { store_id: 2 }),
    line(8, { data: { nul: '\0' } }),
    '{"type":"t","user_id":"u","data":{"n":1e999}}',
    '   ',
    line(9),
  ].join('\n')
  const answer = await post(events.store(1), body)
  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject({ accepted: 3, duplicate: 1, rejected: 9 })
  expect(answer.body.errors.map((error: any) => [error.line, error.code, error.field])).toEqual([
    [3, 'IDEMPOTENCY_KEY_REUSED', 'idempotency_key'],
    [5, 'BAD_REQUEST', null],
    [7, 'BAD_USER_INPUT', 'unknown'],
    [8, 'BAD_USER_INPUT', null],
    [9, 'BAD_USER_INPUT', 'type'],
    [10, 'BAD_USER_INPUT', 'occurred_at'],
    [11, 'FORBIDDEN', null],
    [12, 'BAD_USER_INPUT', 'data.nul'],
    [13, 'BAD_USER_INPUT', 'data.n'],
  ])
  expect(await countOf(1)).toBe(3)
})

test('a JSON array of any layout', async () => {
  const elements = Array.from({ length: 2_500 }, (_, n) => line(n % 40))
  const answer = await post(events.store(3), ` [\n${elements.join(' ,\r\n')} ] `, 'application/json')
  expect(answer.body).toEqual({ accepted: 2_500, duplicate: 0, rejected: 0, errors: [] })
  expect((await events.send('GET', '/api/event/avg-time/seen', events.store(3))).body).toEqual([
    { date: expect.any(String), event_avg_time: 62.5 },
  ])
  expect((await post(events.store(3), '[]', 'application/json')).body.accepted).toBe(0)
})

test.each(['', '{}', '[1', '[,]', '[1,]', '[] []', '[1] x', '"x"'])(
  '%j is not a JSON array',
  async (body) => {
    const answer = await post(events.store(4), body, 'application/json')
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ code: 'BAD_REQUEST', accepted: 0 })
  },
)

test('a stream far larger than the body limit is accepted, and at most a thousand errors are listed', async () => {
  const total = 60_000
  const stream = Readable.from(
    (function* () {
      for (let n = 0; n < total; n += 1)
        yield n % 20 === 0 ? 'nonsense\n' : `${line(n % 500, { data: { pad: 'x'.repeat(300) } })}\n`
    })(),
  )
  const response = await fetch(`${events.origin}/api/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${events.issuer.tokenFor(events.store(5))}`,
      'content-type': 'application/x-ndjson',
    },
    body: Readable.toWeb(stream) as never,
    duplex: 'half',
  })
  const report = (await response.json()) as { accepted: number; rejected: number; errors: unknown[] }
  expect([report.accepted, report.rejected, report.errors.length]).toEqual([57_000, 3_000, 1_000])
  expect(await countOf(5)).toBe(57_000)
})

test('events written before a truncated array stay, and are counted in the error', async () => {
  const body = `[${Array.from({ length: 1_500 }, (_, n) => line(n)).join(',')}, {"type":`
  const answer = await post(events.store(6), body, 'application/json')
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({ code: 'BAD_REQUEST', accepted: 1_500 })
  expect(await countOf(6)).toBe(1_500)
})

test('a line that is too long is rejected alone', async () => {
  const answer = await post(events.store(7), `${line(1)}\n${'x'.repeat(3_000_000)}\n${line(2)}`)
  expect(answer.body).toMatchObject({
    accepted: 2,
    rejected: 1,
    errors: [{ line: 2, code: 'PAYLOAD_TOO_LARGE' }],
  })
})

const mark = '\ufeff'
const separator = '\u001e'

test('every media type of a format is accepted, with or without a byte-order mark; text is recognised by its content', async () => {
  const all = { accepted: 2, duplicate: 0, rejected: 0, errors: [] }
  const lines = `${line(1)}\n${line(2)}\n`
  const array = ` [${line(1)},${line(2)}]`
  const sequence = `${separator}${line(1)}\n${separator}${separator}${line(2)}\n`
  for (const [body, types] of [
    [lines, ['ndjson', 'x-ndjson', 'jsonl', 'jsonlines', 'JSONL; charset=utf-8']],
    [array, ['json', 'json; charset=utf-8']],
    [sequence, ['json-seq']],
  ] as const)
    for (const type of types)
      for (const sent of [body, mark + body])
        expect([type, (await post(events.store(8), sent, `application/${type}`)).body]).toEqual([type, all])
  for (const body of [lines, array, `\r\n${lines}`, `\n\n  ${array}`])
    for (const sent of [body, mark + body])
      expect((await post(events.store(8), sent, 'text/plain;charset=UTF-8')).body).toEqual(all)
})

test('records of a sequence are numbered, and the first must be a record', async () => {
  const numbered = await post(
    events.store(9),
    `${separator}{}\n${separator}${line(1)}\n${separator}\n${separator}[]`,
    'application/json-seq',
  )
  expect(numbered.body).toMatchObject({ accepted: 1, errors: [{ line: 1 }, { line: 4 }] })
  const missing = await post(events.store(9), line(1), 'application/json-seq')
  expect([missing.status, missing.body.code]).toEqual([400, 'BAD_REQUEST'])
})

test('a stream is decoded while it is read: far more than the body limit, and events before a truncation stay', async () => {
  const body = Array.from({ length: 60_000 }, (_, n) =>
    n % 2 === 0 ? line(n % 40, { data: { pad: 'x'.repeat(600) } }) : '',
  ).join('\n')
  expect(body.length).toBeGreaterThan(16_777_216)
  for (const [encoding, encode] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const sent = encode(body)
    const whole = await post(events.store(10), sent, 'application/jsonl', { 'content-encoding': encoding })
    expect(whole.body).toEqual({ accepted: 30_000, duplicate: 0, rejected: 0, errors: [] })
    const cut = await post(events.store(10), sent.subarray(0, sent.length >> 1), 'application/jsonl', {
      'content-encoding': encoding,
    })
    expect([cut.status, cut.body.code]).toEqual([400, 'BAD_REQUEST'])
    expect(cut.body.accepted).toBeGreaterThan(0)
  }
  const unknown = await post(events.store(10), line(1), 'application/jsonl', { 'content-encoding': 'lzma' })
  expect([unknown.status, unknown.headers.get('accept-encoding')]).toEqual([415, 'gzip, deflate, br, zstd'])
})

test('a stream of mostly white space, or of events that are too long, is refused after 16 MiB', async () => {
  const blank = 20_000_000
  for (const [body, type] of [
    [`${line(1)}\n${'\n'.repeat(blank)}${line(2)}`, 'jsonl'],
    [`${line(1)}\n${'x'.repeat(blank)}\n${line(2)}`, 'jsonl'],
    [`[${line(1)},${' '.repeat(blank)}${line(2)}]`, 'json'],
    [`[${line(1)}]${' '.repeat(blank)}`, 'json'],
  ] as const) {
    const refused = await post(events.store(11), gzipSync(body), `application/${type}`, {
      'content-encoding': 'gzip',
    })
    expect(refused).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE', accepted: 1 } })
  }
})

test('an anonymous caller is 401, an analyst 403, another content type 415', async () => {
  expect((await post(null, line(1))).status).toBe(401)
  expect((await post(events.analyst(1), line(1))).status).toBe(403)
  expect((await post(events.store(1), line(1), 'text/csv')).status).toBe(415)
})
