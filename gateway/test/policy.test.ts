import { expect, test } from '@jest/globals'
import { startBrowser } from '@user-stats/service/testing/browser'
import { startGraph } from './support/gateway.ts'

const pages = [
  ['/graphql', 'API key'],
  ['/docs', 'User statistics'],
  ['/redoc', 'User statistics'],
] as const

test.each(pages)(
  '%s of the gateway runs in a browser without a violation of its policy',
  async (path, shown) => {
    await using graph = await startGraph()
    await using browser = await startBrowser()
    await using visit = await browser.open(graph.origin + path)
    await visit.page.getByText(shown).first().waitFor()
    await visit.page.waitForLoadState('networkidle')
    expect(visit.faults).toEqual([])
  },
)

test.each(pages)('the policy of %s allows no inline script, and scripts of its origin only', async (path) => {
  await using graph = await startGraph()
  const page = await fetch(graph.origin + path, { headers: { accept: 'text/html' } })
  const policy = new Map(
    (page.headers.get('content-security-policy') ?? '').split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ')
      return [name, sources]
    }),
  )
  expect(policy.get('default-src')).toEqual(["'none'"])
  expect(policy.get('script-src')).toEqual(["'self'"])
  expect(policy.get('base-uri')).toEqual(["'none'"])
  expect(policy.get('frame-ancestors')).toEqual(["'none'"])
  expect(await page.text()).not.toMatch(/<script(?![^>]* src=)|\son\w+=/i)
})

test('a script written into a page does not run, and is noticed', async () => {
  await using graph = await startGraph()
  await using browser = await startBrowser()
  await using visit = await browser.open(`${graph.origin}/docs`)
  const ran = await visit.page.evaluate<boolean>(`
    const script = document.createElement('script')
    script.textContent = 'window.ran = true'
    document.body.append(script)
    window.ran === true`)
  expect(ran).toBe(false)
  expect(visit.faults.join()).toContain('script-src')
})
