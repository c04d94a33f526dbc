import { expect, test } from '@jest/globals'
import { DomainError } from '@user-stats/core'
import { gatewayCredential, gatewayCredentialHeader } from '../src/gateway-credential.ts'
import { createTestApp } from '../src/testing.ts'

const gatewaySecret = 'a-secret-of-the-gateway'

/**
 * An app that refuses every request for its rate but those to `/allowed`, in the order in which they are
 * answered.
 */
async function startApp() {
  const it = await createTestApp({ gatewaySecret })
  it.app.addHook('onRequest', (request, _reply, done) => {
    if (request.headers.authorization !== undefined)
      request.caller = { role: 'STORE', keyId: 'key', storeId: 1 }
    done()
  })
  it.app.get('/refused', () => {
    throw new DomainError('TOO_MANY_REQUESTS')
  })
  it.app.get('/allowed', () => ({}))
  const origin = await it.listen()
  const answered: string[] = []
  const send = async (name: string, path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(origin + path, { headers })
    answered.push(name)
    return { status: response.status, connection: response.headers.get('connection') }
  }
  return { ...it, answered, send }
}

test('a refusal of an anonymous caller is held back; other answers, and those to the gateway, are not', async () => {
  await using it = await startApp()
  const held = it.send('held', '/refused')
  expect(await it.send('allowed', '/allowed')).toMatchObject({ status: 200 })
  expect(await it.send('signed in', '/refused', { authorization: 'Bearer token' })).toMatchObject({
    status: 429,
  })
  expect(
    await it.send('gateway', '/refused', { [gatewayCredentialHeader]: gatewayCredential(gatewaySecret) }),
  ).toMatchObject({ status: 429 })
  expect(await held).toMatchObject({ status: 429 })
  expect(it.answered).toEqual(['allowed', 'signed in', 'gateway', 'held'])
})

test('of one address a hundred refusals are held back; more are answered at once and end their connection', async () => {
  await using it = await startApp()
  const answers = await Promise.all(Array.from({ length: 120 }, (_, n) => it.send(String(n), '/refused')))
  expect(answers.every(({ status }) => status === 429)).toBe(true)
  expect(answers.filter(({ connection }) => connection === 'close')).toHaveLength(20)
})
