import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { accessibilityFaults } from '@user-stats/testing/axe'
import { startBrowser, type TestBrowser, type Visit } from '@user-stats/testing/browser'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

let stack: TestStack
let browser: TestBrowser
let admin: string
let shop: { id: number; secret: string; analystKey: string }

const today = new Date().toISOString().slice(0, 10)
const countries = ['DE', 'DE', 'DE', 'FR', 'FR', 'AT']
/**
 * What the shop sent today: each of three people views twice, and purchases once for 10.50, 20.50 and 30.50.
 */
const events = [0, 1, 2].flatMap((n) => [
  ...[0, 1].map((view) => ({
    type: 'view',
    user_id: `person-${String(n)}`,
    data: { country: countries[n * 2 + view] },
  })),
  { type: 'purchase', user_id: `person-${String(n)}`, data: { country: 'DE', value: 10.5 + n * 10 } },
])

beforeAll(async () => {
  stack = await startTestStack()
  browser = await startBrowser()
  const { gateway } = stack.urls
  admin = await authenticate(gateway, stack.adminApiKey)
  const { createStore } = await asAdmin(
    'mutation { createStore(input: { name: "Lanterns" }) { store { id } secret } }',
  )
  const { id } = createStore.store
  await asAdmin(
    'mutation ($id: Int!, $paths: [String!]) { updateStore(input: { id: $id, analystDataPaths: $paths }) { store { id } } }',
    { id, paths: ['$.country', '$.value'] },
  )
  const { createApiKey } = await asAdmin(
    'mutation ($id: Int!) { createApiKey(input: { role: ANALYST, storeId: $id, name: "Numbers" }) { secret } }',
    { id },
  )
  shop = { id, secret: createStore.secret, analystKey: createApiKey.secret }
  const token = await authenticate(gateway, shop.secret)
  for (const body of events) await call(gateway, 'POST', '/api/event', { token, body })
}, 120_000)
afterAll(async () => {
  await browser[Symbol.asyncDispose]()
  await stack.stop()
}, 60_000)

const asAdmin = async (query: string, variables: object = {}) => {
  const { body } = await call(stack.urls.gateway, 'POST', '/graphql', {
    token: admin,
    body: { query, variables },
  })
  if (body.errors) throw new Error(JSON.stringify(body.errors))
  return body.data
}

test('a session lasts until its key is revoked, and holds neither key nor readable token', async () => {
  const { gateway } = stack.urls
  const { createApiKey: made } = await asAdmin(
    'mutation { createApiKey(input: { role: ANALYST, name: "Reports" }) { secret apiKey { id } } }',
  )
  const wrong = await call(gateway, 'POST', '/session', { body: { apiKey: 'us_wrong' } })
  expect([wrong.status, wrong.body.code, wrong.headers.get('set-cookie')]).toEqual([
    401,
    'INVALID_API_KEY',
    null,
  ])

  const signedIn = await call(gateway, 'POST', '/session', { body: { apiKey: made.secret } })
  expect(signedIn.status).toBe(201)
  expect(signedIn.body).toEqual({
    role: 'ANALYST',
    storeId: null,
    storeName: null,
    expiresAt: expect.any(String),
  })
  const cookie = signedIn.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/)
  expect(cookie).not.toContain(made.secret)
  const headers = { cookie: cookie.split(';')[0] ?? '', 'x-csrf-protection': '1' }
  expect((await call(gateway, 'GET', '/session', { headers })).status).toBe(200)

  await asAdmin('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', {
    id: made.apiKey.id,
  })
  const ended = await call(gateway, 'GET', '/session', { headers })
  expect([ended.status, ended.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
  const query = { query: '{ topEventTypes { type } }' }
  expect((await call(gateway, 'POST', '/graphql', { headers, body: query })).status).toBe(401)
})

/** Opens a page and signs in with a key. */
async function openAs(key: string, path = '/', options = {}): Promise<Visit> {
  const visit = await browser.open(stack.urls.gateway + path, options)
  await visit.page.getByLabel('API key').fill(key)
  await visit.page.getByLabel('API key').press('Enter')
  await visit.page.getByRole('button', { name: 'Sign out' }).waitFor()
  return visit
}

test('an analyst signs in, sees the numbers of the shop and signs out', async () => {
  await using visit = await openAs(shop.analystKey, '/?range=today&tz=UTC')
  const { page } = visit
  await page.getByText('Lanterns').waitFor()
  await page.getByText('Revenue61.5').waitFor()
  const totals = await page.getByRole('group', { name: 'Totals' }).textContent()
  expect(totals?.replaceAll(/no earlier numbers/g, ' ')).toBe('Events9 Users3 Events per user3 Revenue61.5 ')
  await page.getByRole('listitem').filter({ hasText: 'view' }).getByText('66.7%').waitFor()
  await page.getByRole('listitem').filter({ hasText: 'DE' }).getByText('66.7%').waitFor()
  await page.getByText(/^As of .+ days of UTC\.$/).waitFor()
  expect(await accessibilityFaults(page)).toEqual([])

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API key').waitFor()
  await page.reload()
  await page.getByLabel('API key').waitFor()
  expect(await accessibilityFaults(page)).toEqual([])
  expect(visit.faults).toEqual([])
})

test('a click on a value filters everything by it, and the address holds the whole view', async () => {
  await using visit = await openAs(shop.analystKey, '/?range=today&tz=UTC')
  const { page } = visit
  await page.getByRole('button', { name: 'FR', exact: true }).click()
  await page.getByText('Events2').waitFor()
  await page.getByText('$.country is FR').waitFor()
  await page.keyboard.press('t')
  await page.getByRole('table').waitFor()

  await using other = await openAs(shop.analystKey, page.url().slice(stack.urls.gateway.length))
  await other.page.getByText('Events2').waitFor()
  await other.page.getByRole('table').waitFor()
  await other.page.getByRole('button', { name: 'Remove the filter $.country is FR' }).click()
  await other.page.getByText('Events9').waitFor()
  expect([...visit.faults, ...other.faults]).toEqual([])
})

test('a file holds exactly the numbers that are shown', async () => {
  await using visit = await openAs(shop.analystKey, '/?range=7d&tz=UTC')
  const waiting = visit.page.waitForEvent('download')
  await visit.page.getByRole('region', { name: 'Events' }).getByRole('button', { name: 'CSV' }).click()
  const lines = (await readFile(await (await waiting).path(), 'utf8')).trim().split('\r\n')
  expect(lines).toHaveLength(8)
  expect([lines[0], lines.at(-1)]).toEqual(['Period,Events,Previous period', `${today},9,0`])
})

test('the first load of the dashboard weighs at most 250 KB, and the session survives a reload', async () => {
  await using visit = await openAs(shop.analystKey)
  const { page } = visit
  await page.getByText(/^As of/).waitFor()
  await page.reload()
  await page.getByText(/^As of/).waitFor()
  const sizes = await page.evaluate<number[]>(
    'performance.getEntriesByType("resource").map(({ encodedBodySize }) => encodedBodySize)',
  )
  const total = sizes.reduce((sum, size) => sum + size, 0)
  expect(total).toBeGreaterThan(50_000)
  expect(total).toBeLessThan(250_000)
  const kept = await page.evaluate(
    'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
  )
  // Neither key nor token, which is three parts of base64.
  expect(kept).not.toMatch(/us_|eyJ/)
  expect(visit.faults).toEqual([])
})

test.each(['light', 'dark'] as const)('the dashboard fits a phone, %s', async (colorScheme) => {
  await using visit = await openAs(shop.analystKey, '/', {
    viewport: { width: 390, height: 844 },
    colorScheme,
  })
  const { page } = visit
  await page.getByText(/^As of/).waitFor()
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
  expect(await accessibilityFaults(page)).toEqual([])
  expect(visit.faults).toEqual([])
})

test('a sum by group, a funnel and retention show what the shop sent', async () => {
  await using visit = await openAs(
    shop.analystKey,
    '/explore?range=today&tz=UTC&show=sum&path=$.value&group=$.country&table=true',
  )
  const { page } = visit
  await page.getByRole('cell', { name: '61.5' }).first().waitFor()
  expect(await accessibilityFaults(page)).toEqual([])

  await page.getByRole('link', { name: 'Funnel' }).click()
  await page.getByRole('combobox', { name: 'Step 2' }).fill('purchase')
  await page.getByRole('combobox', { name: 'Step 2' }).press('Tab')
  await page.getByRole('button', { name: 'Remove step 3' }).click()
  await page
    .getByRole('listitem')
    .filter({ hasText: 'purchase' })
    .getByText('3 users · 100% of all')
    .waitFor()
  expect(await accessibilityFaults(page)).toEqual([])

  await page.getByRole('link', { name: 'Retention' }).click()
  await page.getByRole('cell', { name: /^100%\s*3$/ }).waitFor()
  expect(await accessibilityFaults(page)).toEqual([])
  // A count that nobody waits for any more is given up.
  expect(visit.faults.filter((fault) => !fault.endsWith('net::ERR_ABORTED'))).toEqual([])
})

test('a store sees its latest events; an analyst finds neither the page nor a person', async () => {
  await using store = await openAs(shop.secret, '/live')
  await store.page.getByRole('cell', { name: 'person-2' }).first().waitFor()
  expect(await accessibilityFaults(store.page)).toEqual([])
  expect(store.faults).toEqual([])

  await using analyst = await browser.open(`${stack.urls.gateway}/live`)
  const answers: Promise<string>[] = []
  analyst.page.on('response', (response) => {
    if (response.url().endsWith('/graphql')) answers.push(response.text())
  })
  await analyst.page.getByLabel('API key').fill(shop.analystKey)
  await analyst.page.getByLabel('API key').press('Enter')
  await analyst.page.getByText('There is no such page, or it is not for your role.').waitFor()
  expect(await analyst.page.getByRole('link', { name: 'Live' }).count()).toBe(0)
  for (const name of ['Overview', 'Explore', 'Funnel', 'Retention']) {
    await analyst.page.getByRole('link', { name }).click()
    await analyst.page.getByText(/^As of/).waitFor()
    expect(await analyst.page.content()).not.toContain('person-')
  }
  expect((await Promise.all(answers)).join('\n')).not.toContain('person-')
})

test('an admin creates, blocks and deletes a store, and finds it in the audit log', async () => {
  await using visit = await openAs(stack.adminApiKey, '/stores')
  const { page } = visit
  await page.getByLabel('Name of the store').fill('Short-lived')
  await page.getByRole('button', { name: 'Create store' }).click()
  const secret = await page.locator('code').textContent()
  expect((await call(stack.urls.gateway, 'POST', '/session', { body: { apiKey: secret } })).status).toBe(201)
  await page.getByRole('button', { name: 'Done' }).click()
  expect(await page.content()).not.toContain(secret)

  await page.getByRole('button', { name: 'Block Short-lived' }).click()
  await page.getByRole('button', { name: 'Unblock Short-lived' }).click()
  await page.getByRole('button', { name: 'Block Short-lived' }).waitFor()
  await page.getByRole('button', { name: 'Settings of Short-lived' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Renamed')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Delete Renamed' }).click()
  const forever = page.getByRole('button', { name: 'Delete for ever' })
  expect(await forever.isDisabled()).toBe(true)
  await page.getByLabel('Type Renamed to confirm').fill('Renamed')
  expect(await accessibilityFaults(page)).toEqual([])
  await forever.click()
  await page.getByText('0 users and 0 events were deleted.').waitFor()
  await page.getByRole('button', { name: 'Delete Renamed' }).waitFor({ state: 'detached' })

  await page.getByRole('link', { name: 'Audit' }).click()
  await page.getByRole('cell', { name: 'store deleted' }).first().waitFor()
  expect(await accessibilityFaults(page)).toEqual([])
  expect(visit.faults).toEqual([])
})

test('an admin creates a key, which is shown once, and revokes it', async () => {
  await using visit = await openAs(stack.adminApiKey, '/keys')
  const { page } = visit
  await page.getByLabel('What it is for').fill('Board report')
  await page.getByRole('button', { name: 'Create key' }).click()
  const apiKey = await page.locator('code').textContent()
  const signIn = () => call(stack.urls.gateway, 'POST', '/session', { body: { apiKey } })
  expect((await signIn()).body.role).toBe('ANALYST')
  expect(await accessibilityFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Revoke Board report' }).click()
  await page.getByRole('button', { name: 'Revoke Board report now' }).click()
  await page.getByRole('button', { name: 'Revoke Board report' }).waitFor({ state: 'detached' })
  expect((await signIn()).status).toBe(401)
  expect(visit.faults).toEqual([])
})
