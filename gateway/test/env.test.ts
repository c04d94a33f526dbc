import { expect, test } from '@jest/globals'
import { EnvError } from '@user-stats/config'
import { readEnv } from '../src/env.ts'

test('by default both subgraphs are on this machine', () => {
  const { http, subgraphs, supergraph } = readEnv({})
  expect(http).toEqual({ host: '127.0.0.1', port: 8000 })
  expect(supergraph.path).toMatch(/gateway\/supergraph\.graphql$/)
  expect(subgraphs.locate('users', 'http://users')).toBe('http://127.0.0.1:8001/graphql')
  expect(subgraphs.locate('events', 'http://events')).toBe('http://127.0.0.1:8002/graphql')
})

test.each([
  ['a base URL', 'http://shop:1', 'http://shop:1/graphql'],
  ['an endpoint', 'https://shop/api/v1', 'https://shop/api/v1'],
  ['nothing', '', 'http://composed/query'],
])('%s locates a subgraph of another graph', (_what, value, url) => {
  expect(readEnv({ MY_SHOP_2_URL: value }).subgraphs.locate('my-shop.2', 'http://composed/query')).toBe(url)
})

test('every invalid variable is named, without its value', () => {
  expect(() =>
    readEnv({ REQUEST_TIMEOUT_MS: '0', GATEWAY_PORT: '70000', EVENTS_URL: 'ftp://secret' }),
  ).toThrow(/^REQUEST_TIMEOUT_MS: .*; GATEWAY_PORT: .*; EVENTS_URL: [^]*$/)
  expect(() => readEnv({ SHOP_URL: 'shop:1' }).subgraphs.locate('shop', '')).toThrow(EnvError)
})
