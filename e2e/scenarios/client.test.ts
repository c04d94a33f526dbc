import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { launchOptions } from '@user-stats/testing/chromium'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type Page } from 'playwright-core'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

jest.setTimeout(120_000)

let shop: Server
let origin: string
let stack: TestStack
let browser: Browser
let html = ''

beforeAll(async () => {
  shop = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html)
  }).listen(0, '127.0.0.1')
  await once(shop, 'listening')
  origin = `http://127.0.0.1:${String((shop.address() as AddressInfo).port)}`
  stack = await startTestStack()
  browser = await chromium.launch(await launchOptions())
})
afterAll(async () => {
  await browser.close()
  await stack.stop()
  shop.close()
})

/** A new store, and a page of its shop on another origin than the gateway. */
async function openShop() {
  const { gateway } = stack.urls
  const admin = await authenticate(gateway, stack.adminApiKey)
  const { body } = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Shoes' } })
  const token = await authenticate(gateway, body.api_key)
  const made = await call(gateway, 'POST', '/graphql', {
    token: admin,
    body: {
      query: `mutation { createApiKey(input: { role: WRITER, storeId: ${body.id}, name: "Page", allowedOrigins: ["${origin}"] }) { secret } }`,
    },
  })
  html = `<!doctype html><link rel="icon" href="data:," /><script src="${gateway}/client.js"></script>
    <script>
      const stats = userStats.createClient({ url: '${gateway}', key: '${made.body.data.createApiKey.secret}', interval: 50 })
    </script>`
  const context = await browser.newContext()
  const open = async (): Promise<Page> => {
    const page = await context.newPage()
    await page.goto(origin)
    return page
  }
  const counts = async (): Promise<Record<string, number>> => {
    const answer = await call(gateway, 'POST', '/graphql', {
      token,
      body: { query: '{ events(first: 1000) { nodes { type } } }' },
    })
    const nodes = answer.body.data.events.nodes as { type: string }[]
    return Object.fromEntries(
      [...Map.groupBy(nodes, ({ type }) => type)].map(([type, events]) => [type, events.length]),
    )
  }
  const recorded = async (expected: Record<string, number>) => {
    let found = await counts()
    while (
      Object.values(found).reduce((a, b) => a + b, 0) < Object.values(expected).reduce((a, b) => a + b, 0)
    )
      found = await counts()
    expect(found).toEqual(expected)
  }
  return { context, open, recorded }
}

const track = (page: Page, type: string, times = 1) =>
  page.evaluate(`for (let n = 0; n < ${String(times)}; n += 1) stats.track('${type}', { n })`)

test('a page of another origin sends events with the script of the gateway; what it sends while it is closed arrives too', async () => {
  const { context, open, recorded } = await openShop()
  const page = await open()
  await track(page, 'view', 3)
  await recorded({ view: 3 })
  await track(page, 'leave', 2)
  await page.close({ runBeforeUnload: true })
  await recorded({ view: 3, leave: 2 })
  await context.close()
})

test('events during a network outage are queued, across a reload too, and counted once', async () => {
  const { context, open, recorded } = await openShop()
  const first = await open()
  await track(first, 'before')
  await recorded({ before: 1 })
  await context.setOffline(true)
  await track(first, 'offline', 5)
  await first.evaluate('stats.flush()')
  await first.close()
  await context.setOffline(false)
  const second = await open()
  await recorded({ before: 1, offline: 5 })
  await track(second, 'after')
  await recorded({ before: 1, offline: 5, after: 1 })
  await context.close()
})

test('the script is cached for an hour under its name, and forever under its hash', async () => {
  const { gateway } = stack.urls
  const script = await fetch(`${gateway}/client.js`)
  const etag = script.headers.get('etag') ?? ''
  expect(script.headers.get('cache-control')).toBe('public, max-age=3600, stale-while-revalidate=86400')
  expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
  const again = await fetch(`${gateway}/client.js`, { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  const hashed = await fetch(`${gateway}/client-${etag.replaceAll('"', '')}.js`)
  expect(hashed.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(await hashed.text()).toBe(await script.text())
  const old = await fetch(`${gateway}/client-0000.js`)
  expect(old.headers.get('cache-control')).toBe('no-cache')
})
