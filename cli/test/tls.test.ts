import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { request, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { createCertificate } from '@user-stats/testing/certificate'
import { freePorts, runProgram, temporaryDir } from './helpers.ts'

/** Files of a new certificate for these names, and the variables that name them. */
async function certificateIn(dir: string, names: readonly string[]) {
  const { cert, key } = createCertificate(names)
  const files = { TLS_CERT_FILE: path.join(dir, 'cert.pem'), TLS_KEY_FILE: path.join(dir, 'key.pem') }
  await writeFile(files.TLS_CERT_FILE, cert)
  await writeFile(files.TLS_KEY_FILE, key, { mode: 0o600 })
  return { cert, files }
}

test('with a certificate all three services use TLS, also among each other', async () => {
  await using home = await temporaryDir()
  const { cert, files } = await certificateIn(home.dir, ['localhost'])
  const stack = runProgram(
    {
      ...freePorts,
      ...files,
      DATA_DIR: home.dir,
      NODE_EXTRA_CA_CERTS: files.TLS_CERT_FILE,
    },
    'start',
    '--tls-name',
    'localhost',
  )
  const urls = [...(await stack.ready).matchAll(/(gateway|users|events) (\S+)/g)].map(
    ([, , url]) => url ?? '',
  )
  expect(urls).toHaveLength(3)
  const send = async (url: string, options: RequestOptions = {}, body?: object) => {
    const sent = request(url, { ca: cert, agent: false, ...options })
    sent.end(body && JSON.stringify(body))
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return [answer.statusCode, await json(answer)] as const
  }
  for (const url of urls) {
    expect(url).toMatch(/^https:\/\/localhost:\d+/)
    expect((await send(new URL('/health/ready', url).href))[0]).toBe(200)
  }

  // Covers all calls: gateway to users, events and the gateway fetching keys for tokens, users notifying
  // events of a store.
  const gateway = new URL(urls[0] ?? '').origin
  const apiKey = (await readFile(path.join(home.dir, 'admin-api-key'), 'utf8')).trim()
  const post = { method: 'POST', headers: { 'content-type': 'application/json' } }
  const [status, session] = await send(`${gateway}/api/auth/`, post, { api_key: apiKey })
  expect(status).toBe(200)
  const { access_token: token } = session as { access_token: string }
  const headers = { authorization: `Bearer ${token}` }
  expect(await send(`${gateway}/api/event/amount/purchase`, { headers })).toEqual([200, []])

  for (const [index, url] of urls.entries()) {
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, '../scripts/healthy.ts'), new URL(url).port],
      { env: { ...process.env, ...files }, stdio: 'ignore' },
    )
    expect([index, (await once(child, 'exit'))[0]]).toEqual([index, 0])
  }
  stack.child.kill('SIGTERM')
  expect((await stack.ended).code).toBe(0)
}, 180_000)

test.each([
  [
    'is for another name',
    ['stats.example'],
    {},
    'TLS_CERT: is not for 127.0.0.1, by which the services reach each other. Name a host of the certificate that leads to this machine: user-stats start --tls-name <host>',
  ],
  [
    'is not trusted',
    ['127.0.0.1'],
    {},
    'TLS_CERT: the services would not trust each other (DEPTH_ZERO_SELF_SIGNED_CERT); name a file with the certificate of its authority in NODE_EXTRA_CA_CERTS',
  ],
  ['has no key', ['127.0.0.1'], { TLS_KEY_FILE: '' }, 'TLS_KEY: expected with TLS_CERT'],
] as const)('a certificate that %s ends the start in one line', async (_, names, env, line) => {
  await using home = await temporaryDir()
  await chmod(home.dir, 0o711)
  const { files } = await certificateIn(home.dir, names)
  const { code, stderr } = await runProgram(
    {
      ...freePorts,
      DATA_DIR: path.join(home.dir, 'data'),
      ...files,
      ...env,
    },
    'start',
  ).ended
  expect(stderr).toBe(`user-stats: ${line}\n`)
  expect(code).toBe(1)
})
