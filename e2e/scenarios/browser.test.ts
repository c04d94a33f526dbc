import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startBrowser, type TestBrowser } from '@user-stats/testing/browser'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

let stack: TestStack
let browser: TestBrowser

beforeAll(async () => {
  stack = await startTestStack()
  browser = await startBrowser()
}, 120_000)
afterAll(async () => {
  await browser[Symbol.asyncDispose]()
  await stack.stop()
}, 60_000)

/** The sources that a page's policy allows scripts from. */
async function scriptsOf(address: string): Promise<readonly string[]> {
  const { headers } = await fetch(address, { headers: { accept: 'text/html' } })
  const directives = (headers.get('content-security-policy') ?? '')
    .split(';')
    .map((text) => text.trim().split(/\s+/))
  const sources = new Map(directives.map(([name = '', ...list]) => [name, list]))
  expect(sources.get('default-src')).toEqual(["'none'"])
  // Nothing else says where scripts may come from.
  expect([...sources.keys()].filter((name) => name.startsWith('script-src'))).toEqual(['script-src'])
  return sources.get('script-src') ?? []
}

test('an analyst signs in to the playground with a key and runs a ready-made query on real events', async () => {
  const { gateway } = stack.urls
  const token = await authenticate(gateway, stack.adminApiKey)
  const store = await call(gateway, 'POST', '/api/store', { token, body: { name: 'Shoes' } })
  for (const user of ['a', 'b', 'b'])
    await call(gateway, 'POST', '/api/event', {
      token,
      body: { type: 'lantern sold', user_id: user, data: {}, store_id: store.body.id },
    })
  const made = await call(gateway, 'POST', '/graphql', {
    token,
    body: { query: 'mutation { createApiKey(input: { role: ANALYST, name: "Reports" }) { secret } }' },
  })

  await using visit = await browser.open(`${gateway}/graphql`)
  const { page } = visit
  await page.getByLabel('API key').fill(made.body.data.createApiKey.secret)
  await page.getByLabel('API key').press('Enter')
  await page.getByText('Signed in as analyst').waitFor()
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).waitFor()
  await page.getByRole('button', { name: 'TopEventTypes', exact: true }).click()
  await page.locator('.graphiql-query-editor .view-line').first().waitFor()
  await page.getByRole('button', { name: 'Execute query' }).click()
  await page.locator('.result-window').getByText('"lantern sold"').waitFor()
  if (process.env['SCREENSHOTS'] !== undefined)
    await page.screenshot({ path: `${process.env['SCREENSHOTS']}/playground.png` })
  expect(visit.faults).toEqual([])
  expect(await scriptsOf(page.url())).toEqual(["'self'"])
})

test.each([
  ['gateway', '/', 'User statistics'],
  ['users', '/', 'User statistics: users'],
  ['events', '/', 'User statistics: events'],
  ['users', '/graphql', 'User statistics: users'],
  ['events', '/graphql', 'User statistics: events'],
] as const)('%s%s shows what it is, its health and links', async (service, path, title) => {
  await using visit = await browser.open(stack.urls[service] + path)
  const { page } = visit
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(title)
  await page.getByText('Healthy', { exact: true }).waitFor()
  const links = await page
    .getByRole('link')
    .evaluateAll((all) => all.map((link) => link.getAttribute('href')))
  expect(links.length).toBeGreaterThan(3)
  for (const link of links) expect((await fetch(stack.urls[service] + String(link))).status).toBeLessThan(401)
  if (process.env['SCREENSHOTS'] !== undefined)
    await page.screenshot({
      path: `${process.env['SCREENSHOTS']}/${service}-landing${path.replace('/', '-')}.png`,
    })
  expect(visit.faults).toEqual([])
})

test.each([
  ['gateway', '/docs', 'Record an event'],
  ['users', '/docs', 'Register a user'],
  ['events', '/docs', 'Record an event'],
  ['gateway', '/redoc', 'Record an event'],
  ['users', '/redoc', 'Register a user'],
  ['users', '/redos', 'Register a user'],
  ['events', '/redoc', 'Record an event'],
] as const)('%s%s shows its routes, within origin and policy', async (service, path, summary) => {
  await using visit = await browser.open(stack.urls[service] + path)
  // ReDoc names each route twice: in a menu that may be folded, and as a heading.
  await visit.page.getByText(summary).filter({ visible: true }).first().waitFor()
  if (process.env['SCREENSHOTS'] !== undefined)
    await visit.page.screenshot({
      path: `${process.env['SCREENSHOTS']}/${service}${path.replace('/', '-')}.png`,
    })
  expect(visit.faults).toEqual([])
  expect(await scriptsOf(stack.urls[service] + path)).toEqual(["'self'"])
})
