import { expect, test } from '@jest/globals'
import { createTestApp } from '../src/testing.ts'

const foreign = [
  'https://evil.example',
  'https://shop.example.evil.example',
  'https://evil-shop.example',
  'http://shop.example',
  'https://shop.example:8443',
  'null',
]

async function startApp(corsOrigins: readonly string[]) {
  const it = await createTestApp({ corsOrigins })
  it.app.post('/change', () => ({ done: true }))
  const origin = await it.listen()
  const send = async (method: string, from: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${origin}/change`, { method, headers: { origin: from, ...headers } })
    return Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('access-control-')))
  }
  return {
    ...it,
    preflight: (from: string) =>
      send('OPTIONS', from, {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      }),
    simple: (from: string) => send('POST', from),
  }
}

test('by default no response allows any origin', async () => {
  await using it = await startApp([])
  for (const origin of [...foreign, 'https://shop.example']) {
    expect(await it.preflight(origin)).toEqual({})
    expect(await it.simple(origin)).toEqual({})
  }
})

test('a listed origin may send requests and read responses, without cookies', async () => {
  await using it = await startApp(['https://shop.example', 'https://other.example'])
  expect(await it.preflight('https://shop.example')).toEqual({
    'access-control-allow-origin': 'https://shop.example',
    'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
    'access-control-allow-headers': 'authorization,content-type',
    'access-control-expose-headers': 'date, retry-after',
    'access-control-max-age': '600',
  })
  expect(await it.simple('https://other.example')).toEqual({
    'access-control-allow-origin': 'https://other.example',
    'access-control-expose-headers': 'date, retry-after',
  })
})

test('no other origin may read, however similar to a listed one', async () => {
  await using it = await startApp(['https://shop.example'])
  for (const origin of foreign)
    for (const headers of [await it.preflight(origin), await it.simple(origin)])
      expect(headers).not.toHaveProperty('access-control-allow-origin')
})

test('no response allows every origin, or credentials', async () => {
  for (const origins of [[], ['https://shop.example']]) {
    await using it = await startApp(origins)
    for (const origin of [...foreign, 'https://shop.example'])
      for (const headers of [await it.preflight(origin), await it.simple(origin)]) {
        expect(headers['access-control-allow-origin']).not.toBe('*')
        expect(headers).not.toHaveProperty('access-control-allow-credentials')
      }
  }
})
