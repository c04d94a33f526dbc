import { expect, test } from '@jest/globals'
import Fastify from 'fastify'
import { registerApiDocs } from '../src/api-docs/api-docs.ts'
import { startBrowser } from '@user-stats/testing/browser'

const amounts = {
  type: 'array',
  items: {
    type: 'object',
    properties: { date: { type: 'string', format: 'date' }, event_amount: { type: 'integer' } },
  },
} as const
const type = { type: 'string', const: 'purchase' } as const

async function startApp() {
  const app = Fastify({ routerOptions: { ignoreTrailingSlash: true } })
  // As in the services: a page that sets no policy of its own gets the strictest.
  app.addHook('onRequest', async (_request, reply) => {
    void reply.header('content-security-policy', "default-src 'none'")
  })
  await registerApiDocs(app, { title: 'Events <API>', description: 'Records what customers do.' })
  app.get<{ Params: { type: string } }>(
    '/api/event/amount/:type',
    {
      schema: {
        summary: 'Events of a type per day',
        tags: ['Aggregates'],
        operationId: 'eventAmount',
        security: [{ bearer: [] }],
        params: { type: 'object', properties: { type }, required: ['type'] },
        response: {
          200: { description: 'Newest day first', content: { 'application/json': { schema: amounts } } },
          404: {
            description: 'Not Found',
            content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
          },
        },
      },
    },
    (request) => [{ date: '2026-11-23', event_amount: request.params.type.length }],
  )
  app.get('/internal', () => 'not described')
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, [Symbol.asyncDispose]: () => app.close() }
}

test('the document describes the routes that have a tag, as their schemas do', async () => {
  await using app = await startApp()
  const document: unknown = await (await fetch(`${app.origin}/openapi.json`)).json()
  expect(document).toEqual({
    openapi: '3.1.0',
    info: { title: 'Events <API>', version: '1.0.0', description: 'Records what customers do.' },
    servers: [{ url: '/' }],
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: expect.objectContaining({ type: 'object', required: expect.any(Array) }) },
    },
    paths: {
      '/api/event/amount/{type}': {
        get: {
          summary: 'Events of a type per day',
          tags: ['Aggregates'],
          operationId: 'eventAmount',
          security: [{ bearer: [] }],
          parameters: [{ name: 'type', in: 'path', required: true, schema: type }],
          responses: {
            200: { description: 'Newest day first', content: { 'application/json': { schema: amounts } } },
            404: {
              description: 'Not Found',
              content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
            },
          },
        },
      },
    },
  })
})

test('Swagger UI renders the document and sends a request, within its origin and policy', async () => {
  await using app = await startApp()
  await using browser = await startBrowser()
  await using visit = await browser.open(`${app.origin}/docs`)
  const { page } = visit
  await page.getByRole('heading', { name: 'Events <API>' }).waitFor()
  expect(await page.title()).toBe('Events <API>')

  await page.getByRole('button', { name: 'Authorize' }).click()
  await page.getByLabel('auth-bearer-value').fill('a-token')
  await page.getByRole('button', { name: 'Apply credentials' }).click()
  await page.getByRole('button', { name: 'Close' }).last().click()

  await page.getByText('Events of a type per day').click()
  await page.getByPlaceholder('type').fill('purchase')
  await page.getByRole('button', { name: 'Execute' }).click()
  await page.locator('.live-responses-table').getByText('"event_amount"').waitFor()
  expect(visit.faults).toEqual([])
})

test.each(['/redoc', '/redos'])(
  'ReDoc renders the document at %s, within its origin and policy',
  async (path) => {
    await using app = await startApp()
    await using browser = await startBrowser()
    await using visit = await browser.open(app.origin + path)
    const { page } = visit
    await page.getByRole('heading', { name: 'Events of a type per day' }).waitFor()

    // The search index is built in a worker.
    await page.getByPlaceholder('Search').fill('amount')
    await page.getByRole('search').getByText('Events of a type per day').waitFor()
    expect(await page.getByText('redocly logo').count()).toBe(0)
    expect(visit.faults).toEqual([])
  },
)

test('each page allows scripts of its origin only, answers with a trailing slash, and never redirects', async () => {
  await using app = await startApp()
  for (const path of ['/docs', '/docs/', '/redoc', '/redoc/', '/redos', '/redos/']) {
    const response = await fetch(app.origin + path, { redirect: 'error' })
    expect(response.status).toBe(200)
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("default-src 'none';")
  }
  for (const path of ['/openapi.json', '/openapi.json/']) {
    const response = await fetch(app.origin + path, { redirect: 'error' })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toMatchObject({ openapi: '3.1.0' })
  }
})

test('assets are compressed for clients that accept it and cached forever; nothing else is served', async () => {
  await using app = await startApp()
  const page = await (await fetch(`${app.origin}/docs`)).text()
  const urls = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
  expect(urls.map((url) => url.split('/').at(-1))).toEqual([
    'favicon-32x32.png',
    'swagger-ui.css',
    'page.css',
    'swagger-ui-bundle.js',
    'start.js',
  ])
  for (const url of urls) {
    const plain = await fetch(app.origin + url, { headers: { 'accept-encoding': 'identity' } })
    const compressed = await fetch(app.origin + url, { headers: { 'accept-encoding': 'gzip' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(compressed.headers.get('content-encoding')).toBe('gzip')
    expect(compressed.headers.get('cache-control')).toContain('immutable')
    expect(Buffer.from(await compressed.arrayBuffer()).equals(Buffer.from(await plain.arrayBuffer()))).toBe(
      true,
    )
  }
  for (const name of ['index.html', 'oauth2-redirect.html', 'swagger-ui.js', '../package.json']) {
    expect((await fetch(`${app.origin}/docs/assets/${name}`)).status).toBe(404)
  }
})
