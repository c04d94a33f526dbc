import { expect, test } from '@jest/globals'
import { startBrowser } from '@user-stats/testing/browser'
import { registerLandingPage } from '../src/landing-page/landing-page.ts'
import { createTestApp } from '../src/testing.ts'

const browserAccept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

async function startApp({ database = true, users = true } = {}) {
  const state = { database, users }
  const passing = (name: keyof typeof state) => () =>
    state[name] ? Promise.resolve() : Promise.reject(new Error('secret-host:5432 refused'))
  const { app, listen, ...rest } = await createTestApp({ readiness: { database: passing('database') } })
  const page = registerLandingPage(app, {
    title: 'Shops <& more>',
    about: 'Counts "things".',
    links: [{ href: '/graphql', name: 'Playground', about: 'For queries.' }],
    parts: () => ({ 'users service': passing('users') }),
  })
  app.get('/graphql', async (request, reply) => ((await page(request, reply)) ? reply : { data: null }))
  const origin = await listen()
  const get = (path: string, accept?: string, method = 'GET') =>
    fetch(origin + path, { method, headers: accept === undefined ? {} : { accept } })
  return { origin, state, get, [Symbol.asyncDispose]: rest[Symbol.asyncDispose] }
}

test('a browser that opens a port sees what the service is, whether it is healthy, and links', async () => {
  await using app = await startApp()
  await using browser = await startBrowser()
  await using visit = await browser.open(app.origin)
  const { page } = visit
  expect(await page.title()).toBe('Shops <& more>')
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Shops <& more>')
  expect(await page.getByRole('main').getByText('Counts "things".').count()).toBe(1)
  const health = page.getByRole('region', { name: 'Health' })
  expect(await health.getByText('Healthy', { exact: true }).count()).toBe(1)
  expect(await health.getByRole('listitem').allTextContents()).toEqual([
    'The database answers.',
    'The load is within its limits.',
    'The users service is ready.',
  ])
  const links = page.getByRole('region', { name: 'Where to go' }).getByRole('link')
  expect(await links.allTextContents()).toEqual([
    'Playground',
    'REST API',
    'REST reference',
    'OpenAPI document',
    'Readiness',
  ])
  // By keyboard alone, with a visible focus.
  await page.keyboard.press('Tab')
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineWidth')).toBe('3px')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/graphql')
  expect(visit.faults).toEqual([])
})

test('failed checks are shown in words, without internal details', async () => {
  await using app = await startApp()
  for (const [name, sentence] of [
    ['database', 'The database does not answer.'],
    ['users', 'The users service is not ready.'],
  ] as const) {
    app.state[name] = false
    const html = await (await app.get('/', browserAccept)).text()
    expect(html).toContain('>Not healthy<')
    expect(html).toContain(sentence)
    expect(html).not.toContain('secret-host')
    app.state[name] = true
  }
})

test('other clients get 404 at /, as a problem document', async () => {
  await using app = await startApp()
  for (const accept of [undefined, '*/*', 'application/json', 'application/problem+json']) {
    const response = await app.get('/', accept)
    expect([accept, response.status, response.headers.get('content-type')]).toEqual([
      accept,
      404,
      'application/problem+json; charset=utf-8',
    ])
    expect(await response.json()).toMatchObject({ code: 'NOT_FOUND', status: 404 })
  }
  expect((await app.get('/', browserAccept, 'POST')).headers.get('content-type')).toBe(
    'application/problem+json; charset=utf-8',
  )
  expect((await app.get('/', browserAccept, 'HEAD')).headers.get('content-type')).toBe(
    'text/html; charset=utf-8',
  )
  expect(await (await app.get('/graphql', 'application/json')).json()).toEqual({ data: null })
  expect((await app.get('/graphql', browserAccept)).headers.get('content-type')).toBe(
    'text/html; charset=utf-8',
  )
})

test('the page can load and run nothing, is not cached, and cannot be framed', async () => {
  await using app = await startApp()
  const { headers } = await app.get('/', browserAccept)
  expect(headers.get('content-security-policy')?.split('; ')).toEqual([
    "default-src 'none'",
    expect.stringMatching(/^style-src 'sha256-[A-Za-z0-9+/]{43}='$/),
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ])
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('vary')).toBe('Accept')
})

// WCAG 2.2, 1.4.3: the contrast of each text with its background. Runs in the page.
const lowestContrast = `(() => {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    const { backgroundColor } = getComputedStyle(element)
    return backgroundColor === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : backgroundColor
  }
  return Math.min(...[...document.querySelectorAll('main *')].map((element) => {
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))]
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  }))
})()`

test.each(['light', 'dark'] as const)(
  'the page is readable in a %s theme and on a phone',
  async (colorScheme) => {
    await using app = await startApp({ users: false })
    await using browser = await startBrowser()
    await using visit = await browser.open(app.origin, { colorScheme, viewport: { width: 320, height: 640 } })
    const { page } = visit
    await page.getByText('Not healthy').waitFor()
    expect(Number(await page.evaluate(lowestContrast))).toBeGreaterThanOrEqual(4.5)
    // Nothing is wider than the screen.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    const background = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
    expect(Number(/\d+/.exec(background)?.[0]) > 128).toBe(colorScheme === 'light')
    expect(visit.faults).toEqual([])
  },
)
