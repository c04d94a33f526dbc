import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from '@jest/globals'
import { FormBody } from '../src/body/body-parsers.ts'
import { createTestApp } from '../src/testing.ts'

/** An app that echoes the body it received: one ordinary route, one for beacons. */
async function startApp() {
  const it = await createTestApp()
  for (const [path, config] of [
    ['/echo', {}],
    ['/beacon', { plainText: true }],
  ] as const)
    it.app.post(path, { config }, (request, reply) =>
      reply.send({ body: request.body instanceof FormBody ? { form: request.body.fields } : request.body }),
    )
  it.app.get('/nothing', () => ({ answered: true }))
  it.app.delete('/echo', (request) => ({ body: request.body ?? null }))
  const origin = await it.listen()
  const send = async (body: Buffer | string, headers: Record<string, string> = {}, path = '/echo') => {
    const response = await fetch(origin + path, {
      method: 'POST',
      body: Buffer.from(body),
      headers: { 'content-type': 'application/json', ...headers },
    })
    return { status: response.status, headers: response.headers, answer: (await response.json()) as any }
  }
  return { ...it, origin, send }
}

const content = JSON.stringify({ text: 'é😀'.repeat(1_000), list: [1, { a: null }] })
const encoders = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const

test('a body is decoded by its content encodings, also nested ones, and read as it is without one', async () => {
  await using it = await startApp()
  const expected = { body: JSON.parse(content) as unknown }
  for (const [encoding, encode] of Object.entries(encoders))
    for (const name of [encoding, encoding.toUpperCase(), `identity, ${encoding}`, ` ${encoding} ,`])
      expect((await it.send(encode(content), { 'content-encoding': name })).answer).toEqual(expected)
  for (const [encoding, body] of [
    ['identity', Buffer.from(content)],
    ['', Buffer.from(content)],
    ['x-gzip', gzipSync(content)],
    // Some clients omit the zlib header.
    ['deflate', deflateRawSync(content)],
    ['gzip, br', brotliCompressSync(gzipSync(content))],
    ['zstd, deflate, identity, gzip', gzipSync(deflateSync(zstdCompressSync(content)))],
    // Several members or frames may follow each other.
    ['gzip', Buffer.concat([gzipSync(content.slice(0, 9)), gzipSync(content.slice(9))])],
    ['zstd', Buffer.concat([zstdCompressSync(content.slice(0, 9)), zstdCompressSync(content.slice(9))])],
  ] as const)
    expect((await it.send(body, { 'content-encoding': encoding })).answer).toEqual(expected)
  const form = await it.send(gzipSync('a=1&b=%C3%A9'), {
    'content-encoding': 'gzip',
    'content-type': 'application/x-www-form-urlencoded',
  })
  expect(form.answer).toEqual({ body: { form: { a: '1', b: 'é' } } })
})

test('an unknown encoding is 415, with the list of the supported ones', async () => {
  await using it = await startApp()
  for (const encoding of [
    'compress',
    'gzip2',
    'gzip, aws-chunked',
    '__proto__',
    'gzip,gzip,gzip,gzip,gzip',
  ]) {
    const refused = await it.send(gzipSync(content), { 'content-encoding': encoding })
    expect([refused.status, refused.headers.get('accept-encoding')]).toEqual([415, 'gzip, deflate, br, zstd'])
    expect(refused.answer).toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringContaining('gzip, deflate, br, zstd'),
    })
  }
})

test('a body that does not match its encoding, is truncated or has trailing data is 400', async () => {
  await using it = await startApp()
  for (const [encoding, encode] of Object.entries(encoders)) {
    const whole = encode(content)
    for (const body of [
      Buffer.from(content),
      whole.subarray(0, whole.length - 1),
      whole.subarray(1),
      Buffer.concat([whole, Buffer.from('more')]),
    ])
      expect(await it.send(body, { 'content-encoding': encoding })).toMatchObject({
        status: 400,
        answer: {
          message: `The request body is not valid ${encoding}, as its content-encoding states.`,
        },
      })
  }
  // Without a body there is nothing to decode.
  const nothing = await fetch(`${it.origin}/echo`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  })
  expect(await nothing.json()).toEqual({ body: null })
})

test('a body that cannot be decoded and is not read, because its route takes none or not its type, ends no process', async () => {
  await using it = await startApp()
  const { port } = new URL(it.origin)
  for (const [head, status] of [
    ['GET /nothing HTTP/1.1', 200],
    ['GET /unknown HTTP/1.1', 404],
    ['POST /echo HTTP/1.1\r\nContent-Type: image/png', 415],
    ['DELETE /echo HTTP/1.1', 415],
  ] as const) {
    const socket = connect(Number(port))
    socket.end(
      `${head}\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\nConnection: close\r\n\r\nnot it.`,
    )
    expect(await text(socket)).toContain(`HTTP/1.1 ${String(status)} `)
  }
  expect((await it.send('{}')).status).toBe(200)
})

test('the size limit of a body applies to the output of each decoding', async () => {
  await using it = await startApp()
  const zeros = Buffer.alloc(1_000_000, '0')
  const empties = Buffer.concat(Array.from({ length: 4_000 }, () => gzipSync('')))
  for (const [encoding, encode] of Object.entries(encoders)) {
    const bomb = encode(zeros)
    for (const [encodings, body] of [
      [encoding, bomb],
      // The outer encoding is small; the inner one is too large.
      [`${encoding}, gzip`, gzipSync(bomb)],
      // A small result from a very large intermediate one.
      [`gzip, ${encoding}`, encode(empties)],
    ] as const)
      expect(await it.send(body, { 'content-encoding': encodings })).toMatchObject({
        status: 413,
        answer: {
          code: 'PAYLOAD_TOO_LARGE',
          message: 'The request body is too large: at most 65,536 bytes are taken without an access token.',
        },
      })
  }
})

test('a window of more than 8 MB is refused, because it would be allocated for each body', async () => {
  await using it = await startApp()
  // A frame of zstd (RFC 8878, 3.1.1) with a window of 128 MB and one block of a byte.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x09, 0x00, 0x00, 0x31])
  expect((await it.send(frame, { 'content-encoding': 'zstd' })).status).toBe(400)
  frame[5] = 13 << 3
  expect((await it.send(frame, { 'content-encoding': 'zstd' })).answer).toEqual({ body: 1 })
})

test('a byte-order mark before a body is ignored', async () => {
  await using it = await startApp()
  const marked = (body: string) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)])
  expect((await it.send(marked('{"a":1}'))).answer).toEqual({ body: { a: 1 } })
  expect((await it.send(marked('[1]'))).answer).toEqual({ body: [1] })
  expect((await it.send(marked(`{"a":"${'b'.repeat(10_000)}"}`))).status).toBe(200)
  const form = await it.send(marked('a=1'), { 'content-type': 'application/x-www-form-urlencoded' })
  expect(form.answer).toEqual({ body: { form: { a: '1' } } })
  expect((await it.send(marked(''))).answer).toMatchObject({ message: expect.stringContaining('empty') })
})

test('JSON is recognised by its media type in any spelling; as text it is accepted on routes for beacons', async () => {
  await using it = await startApp()
  for (const type of [
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json ; charset="UTF-8"; x=y',
    'application/problem+json',
    'application/vnd.api+json',
  ])
    expect((await it.send('{"a":1}', { 'content-type': type })).answer).toEqual({ body: { a: 1 } })
  for (const type of [
    'application/json-seq',
    'application/json-patch',
    'application/x-ndjson',
    'application/jsonl',
    'text/json5',
    'text/plain',
    'multipart/form-data; boundary=x',
  ])
    expect((await it.send('{"a":1}', { 'content-type': type })).status).toBe(415)
  for (const type of ['text/plain', 'text/plain;charset=UTF-8']) {
    expect((await it.send('{"a":1}', { 'content-type': type }, '/beacon')).answer).toEqual({ body: { a: 1 } })
    expect((await it.send('{"a":1e400}', { 'content-type': type }, '/beacon')).status).toBe(422)
    expect((await it.send('a=1', { 'content-type': type }, '/beacon')).status).toBe(400)
  }
})

test('a body in chunks of one byte is accepted', async () => {
  await using it = await startApp()
  const socket = connect(Number(new URL(it.origin).port), '127.0.0.1')
  await once(socket, 'connect')
  const body = JSON.stringify({ text: 'x'.repeat(20_000) })
  socket.write(
    'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n',
  )
  socket.write(`${body.replaceAll(/./g, (byte) => `1\r\n${byte}\r\n`)}0\r\n\r\n`)
  expect(await text(socket)).toContain(`{"body":${body}}`)
})
