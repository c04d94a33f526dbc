import { expect, test } from '@jest/globals'
import { startBrowser, type TestBrowser, type Visit } from '@user-stats/testing/browser'
import { apiKey, startPlaygroundServer, type PlaygroundServer } from './support/playground-server.ts'

async function openPlayground(browser: TestBrowser, graph: PlaygroundServer): Promise<Visit> {
  const visit = await browser.open(`${graph.origin}/graphql`)
  await visit.page.getByRole('tab', { name: 'EventsPerDay' }).waitFor()
  return visit
}

async function enterKey({ page }: Visit, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key)
  await page.getByLabel('API key').press('Enter')
}

async function signIn(visit: Visit): Promise<void> {
  await enterKey(visit, apiKey)
  await visit.page.getByText('Signed in as analyst of store 3').waitFor()
  // The editor is replaced at sign-in; only the new one has documentation.
  await visit.page.getByRole('button', { name: 'Show Documentation Explorer' }).waitFor()
  // It is ready once it shows its first tab.
  await visit.page.locator('.graphiql-query-editor').getByText('EventsPerDay').waitFor()
}

/** GraphiQL forgets a tab that is selected before its editors are ready: then it is selected again. */
async function openTab({ page }: Pick<Visit, 'page'>, name: string, attempts = 5): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click()
  try {
    await page.locator('.graphiql-query-editor').getByText(name).first().waitFor({ timeout: 4_000 })
  } catch (error) {
    if (attempts === 1) throw error
    // GraphiQL ignores a click on the selected tab, so another one is selected first.
    await page.getByRole('button', { name: 'EventsPerDay', exact: true }).click()
    await openTab({ page }, name, attempts - 1)
  }
}

async function execute({ page }: Visit): Promise<void> {
  await page.locator('.graphiql-query-editor .view-line').first().waitFor()
  await page.getByRole('button', { name: 'Execute query' }).click()
}

test('an analyst signs in, finds the prepared tabs and runs a query, within the origin and its policy', async () => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer()
  await using visit = await openPlayground(browser, graph)
  const { page } = visit
  expect(await page.title()).toBe('User statistics – playground')
  expect(await page.locator('.graphiql-tab-button').allTextContents()).toEqual([
    'EventsPerDay',
    'AveragePerUser',
    'StoreEvents',
    'TopEventTypes',
  ])

  await signIn(visit)
  await execute(visit)
  await page.locator('.result-window').getByText('8077').waitFor()
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click()
  await page.getByRole('link', { name: 'Query', exact: true }).waitFor()

  expect(graph.requests.map(({ operation }) => operation).sort()).toEqual([
    'Authenticate',
    'EventsPerDay',
    'IntrospectionQuery',
  ])
  const query = graph.requests.find(({ operation }) => operation === 'EventsPerDay')
  expect(query?.variables).toEqual({ type: 'purchase', from: null, to: null })
  expect(query?.authorization).toMatch(/^Bearer .+\..+\.signature$/)
  expect(visit.faults).toEqual([])
})

test.each([
  ['AveragePerUser', { type: 'purchase' }, '2.125'],
  ['StoreEvents', { storeId: null }, '9099'],
  ['TopEventTypes', { storeId: null }, '7055'],
])('the tab %s sends its query with its variables', async (name, variables, result) => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer()
  await using visit = await openPlayground(browser, graph)
  const { page } = visit
  await signIn(visit)
  await openTab(visit, name)
  await execute(visit)
  await page.locator('.result-window').getByText(result).waitFor()
  expect(graph.requests.find(({ operation }) => operation === name)?.variables).toEqual(variables)
  expect(visit.faults).toEqual([])
})

test('a rejected key is reported on the page, and nothing is sent to the graph without a token', async () => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer()
  await using visit = await openPlayground(browser, graph)
  await enterKey(visit, 'wrong')
  await visit.page.getByRole('alert').getByText('This API key was refused.').waitFor()
  expect(graph.requests.map(({ operation }) => operation)).toEqual(['Authenticate'])
  // Only the browser's own line about the status.
  expect(visit.faults).toEqual([expect.stringContaining('401')])

  await signIn(visit)
  expect(await visit.page.getByText('refused').count()).toBe(0)
})

test('neither key nor token is stored where another page or visit could read it', async () => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer()
  await using visit = await openPlayground(browser, graph)
  const { page } = visit
  await signIn(visit)
  await execute(visit)
  await page.locator('.result-window').getByText('8077').waitFor()

  const kept = JSON.stringify(await page.context().storageState({ indexedDB: true }))
  const keptByTab = await page.evaluate<string>('JSON.stringify({ ...sessionStorage, url: location.href })')
  for (const place of [kept, keptByTab, await page.content()]) {
    expect(place).not.toContain(apiKey)
    expect(place).not.toContain('signature')
  }
  await page.reload()
  await page.getByLabel('API key').waitFor()
  expect(await page.getByLabel('API key').inputValue()).toBe('')
  // The analyst's own text is kept.
  await page.locator('.graphiql-editor-tool').getByText('"purchase"').waitFor()
  expect(await page.getByRole('tab').count()).toBe(4)
})

test('signing out removes the responses, the documentation and the token', async () => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer()
  await using visit = await openPlayground(browser, graph)
  const { page } = visit
  await signIn(visit)
  await execute(visit)
  await page.locator('.result-window').getByText('8077').waitFor()

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API key').waitFor()
  await page.getByText('8077').waitFor({ state: 'detached' })
  await execute(visit)
  await page
    .locator('.result-window')
    .getByText('Sign in to run this: enter an API key at the top of the page')
    .waitFor()
  expect(await page.getByRole('button', { name: 'Show Documentation Explorer' }).count()).toBe(0)
  expect(graph.requests.at(-1)?.authorization).toBeUndefined()
})

test('the page reports that a session has expired', async () => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer({ lifetime: 1 })
  await using visit = await openPlayground(browser, graph)
  await enterKey(visit, apiKey)
  await visit.page.getByRole('alert').getByText('Your session has ended.').waitFor()
  await visit.page.getByLabel('API key').waitFor()
})

test.each([
  ['before signing in', false, 'Sign in to run this: enter an API key at the top of the page'],
  ['once the token is refused', true, 'Your session has ended. Choose “Sign out” at the top of the page'],
])('%s, the result of a query says what to do on this page', async (_when, signedIn, sentence) => {
  await using browser = await startBrowser()
  await using graph = await startPlaygroundServer({ refusesTokens: true })
  await using visit = await openPlayground(browser, graph)
  if (signedIn) await signIn(visit)
  await execute(visit)
  const answer = visit.page.locator('.result-window')
  await answer.getByText(sentence).waitFor()
  expect(await answer.textContent()).not.toMatch(/authorization|bearer/i)
})

test('the endpoint returns the page to browsers only, under a policy without inline scripts', async () => {
  await using graph = await startPlaygroundServer()
  const get = (accept: string) => fetch(`${graph.origin}/graphql`, { headers: { accept } })
  const page = await get('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8')
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('vary')).toBe('Accept')
  const policy = page.headers.get('content-security-policy')?.split('; ')
  expect(policy).toEqual(
    expect.arrayContaining(["default-src 'none'", "script-src 'self'", "worker-src 'self'"]),
  )
  expect((await get('application/json')).headers.get('content-type')).toContain('application/json')
  expect((await get('*/*')).headers.get('content-type')).toContain('application/json')
})

test('assets are cached for ever and compressed, and no other files are served', async () => {
  await using graph = await startPlaygroundServer()
  const html = await (await fetch(`${graph.origin}/graphql`, { headers: { accept: 'text/html' } })).text()
  const urls = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
  expect(urls.length).toBeGreaterThan(2)
  for (const url of urls) {
    expect(url).toMatch(/^\/playground\/assets\/.+-[\w-]{8}\.\w+$/)
    const asset = await fetch(graph.origin + url, { headers: { 'accept-encoding': 'br' } })
    expect(asset.status).toBe(200)
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(asset.headers.get('content-encoding')).toBe('br')
  }
  for (const path of ['', 'index.html', '..%2findex.html', '../../package.json', 'nothing.js']) {
    expect((await fetch(`${graph.origin}/playground/assets/${path}`)).status).toBeGreaterThanOrEqual(400)
  }
})
