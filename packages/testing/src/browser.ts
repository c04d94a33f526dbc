import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { launchOptions } from './chromium.ts'

export interface Visit extends AsyncDisposable {
  readonly page: Page
  /**
   * Faults of a page, in order: violations of its content-security policy, console errors, uncaught
   * exceptions, failed loads, and requests outside its origin.
   */
  readonly faults: readonly string[]
}

export interface TestBrowser extends AsyncDisposable {
  /** Opens an address in a fresh profile. Rejects when nothing answers. */
  readonly open: (url: string, options?: BrowserContextOptions) => Promise<Visit>
}

/** Starts a real, headless browser for tests. */
export async function startBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch(await launchOptions())
  return {
    open: (url, options) => visit(browser, url, options),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

// Runs in the page, before its own scripts.
const reportViolations = `addEventListener('securitypolicyviolation', (event) => {
  reportViolation(event.effectiveDirective + ' ' + event.blockedURI)
})`

async function visit(browser: Browser, url: string, options?: BrowserContextOptions): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  const page = await context.newPage()
  const faults: string[] = []
  const note = (fault: string) => void faults.push(fault)
  const { origin } = new URL(url)
  const isInside = (address: string) =>
    /^(data|blob|about):/.test(address) || new URL(address).origin === origin

  context.on('request', (request) => {
    if (!isInside(request.url())) note(`outside the origin: ${request.url()}`)
  })
  context.on('requestfailed', (request) => {
    note(`failed: ${request.url()} ${request.failure()?.errorText ?? ''}`)
  })
  context.on('console', (message) => {
    if (message.type() === 'error') note(`console: ${message.text()}`)
  })
  context.on('weberror', (error) => {
    note(`thrown: ${error.error().message}`)
  })
  page.on('websocket', (socket) => {
    note(`web socket: ${socket.url()}`)
  })
  await page.exposeFunction('reportViolation', (violation: string) => {
    note(`policy: ${violation}`)
  })
  await page.addInitScript(reportViolations)
  await page.goto(url)
  return { page, faults, [Symbol.asyncDispose]: () => context.close() }
}
