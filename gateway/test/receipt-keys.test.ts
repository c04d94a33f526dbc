import { expect, test } from '@jest/globals'
import Fastify from 'fastify'
import { startGateway } from './support/gateway.ts'

const path = '/.well-known/erasure-receipt-keys.json'
const keySet = { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k', use: 'sig', alg: 'ES256' }] }

test('receipt keys need no token, and are served while the users service is unavailable', async () => {
  const users = Fastify()
  users.get(path, () => keySet)
  const url = await users.listen({ host: '127.0.0.1', port: 0 })
  await using gateway = await startGateway({ USERS_URL: url })
  const { status, headers, body } = await gateway.send('GET', path)
  expect([status, headers.get('cache-control'), body]).toEqual([200, 'public, max-age=3600', keySet])
  await users.close()
  expect((await gateway.send('GET', path)).body).toEqual(keySet)
})

test('receipt keys that were never fetched are 503', async () => {
  await using gateway = await startGateway({ USERS_URL: 'http://127.0.0.1:1' })
  const { status, headers, body } = await gateway.send('GET', path)
  expect([status, headers.get('retry-after'), body.code]).toEqual([503, '1', 'SUBGRAPH_UNAVAILABLE'])
})
