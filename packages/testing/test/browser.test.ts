import { expect, test } from '@jest/globals'
import Fastify from 'fastify'
import { startBrowser } from '../src/browser.ts'

const page = (body: string) => `<!doctype html><link rel="icon" href="data:," />${body}<p>Rendered</p>`
const files: Record<string, { type: string; policy: string; body: string }> = {
  '/good': { type: 'text/html', policy: "default-src 'none'; img-src data:", body: page('') },
  '/inline': { type: 'text/html', policy: "script-src 'self'", body: page('<script>1</script>') },
  '/outside': { type: 'text/html', policy: '', body: page('<img src="http://elsewhere.test/logo.png" />') },
  '/missing': { type: 'text/html', policy: '', body: page('<img src="/nothing.png" />') },
  '/throws': { type: 'text/html', policy: '', body: page('<script src="/throws.js"></script>') },
  '/throws.js': { type: 'text/javascript', policy: '', body: "throw new Error('on purpose')" },
  '/worker': { type: 'text/html', policy: '', body: page('<script src="/starts-worker.js"></script>') },
  '/starts-worker.js': { type: 'text/javascript', policy: '', body: "new Worker('/worker.js')" },
  '/worker.js': {
    type: 'text/javascript',
    policy: "connect-src 'none'",
    body: "fetch('http://elsewhere.test/')",
  },
}

test('a correct page has no faults, and a faulty one reports each', async () => {
  await using browser = await startBrowser()
  await using app = Fastify()
  for (const [url, { type, policy, body }] of Object.entries(files)) {
    app.get(url, (_request, reply) => reply.type(type).header('content-security-policy', policy).send(body))
  }
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })

  async function open(path: string, expected?: string): Promise<readonly string[]> {
    await using visit = await browser.open(origin + path)
    await visit.page.getByText('Rendered').waitFor()
    while (expected !== undefined && !visit.faults.some((fault) => fault.startsWith(expected))) {
      await visit.page.evaluate('new Promise(requestAnimationFrame)')
    }
    return visit.faults
  }

  expect(await open('/good')).toEqual([])
  await open('/inline', 'policy: script-src-elem inline')
  await open('/outside', 'outside the origin: http://elsewhere.test/logo.png')
  await open('/missing', 'console: Failed to load resource')
  await open('/throws', 'thrown: on purpose')
  await open('/worker', 'thrown: Failed to fetch')
})
