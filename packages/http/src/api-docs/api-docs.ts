import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { problemSchema } from '../problem-details.ts'
import { escape } from '../landing-page/html.ts'
import { serveAsset } from './assets.ts'

export interface ApiDocsOptions {
  /** Of the document and the pages. */
  readonly title: string
  readonly description: string
}

const require = createRequire(import.meta.url)
const read = (file: string) => readFile(require.resolve(file))

const denied = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
const swaggerPolicy = [
  ...denied,
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
].join('; ')
// ReDoc styles its components from the script, and searches in a worker created from a blob.
const redocPolicy = [
  ...denied,
  "script-src 'self'",
  'worker-src blob:',
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
].join('; ')

/**
 * `/openapi.json`, which describes the routes that are registered after this and have a tag; Swagger UI at
 * `/docs`, ReDoc at `/redoc` and `/redos`, with all assets served locally. The pages read `/openapi.json` of
 * the same origin. The trailing slash is up to the app's `ignoreTrailingSlash`.
 */
export async function registerApiDocs(
  app: FastifyInstance,
  { title, description }: ApiDocsOptions,
): Promise<void> {
  app.addSchema({ $id: 'Problem', ...problemSchema })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version: '1.0.0' },
      servers: [{ url: '/' }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    hideUntagged: true,
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }) => $id as string },
  })
  app.get('/openapi.json', (_request, reply) =>
    reply
      .type('application/json; charset=utf-8')
      .header('cache-control', 'no-cache')
      .serializer(JSON.stringify)
      .send(app.swagger()),
  )
  servePage(app, ['/docs'], swaggerPolicy, await swaggerPage(app, title))
  servePage(app, ['/redoc', '/redos'], redocPolicy, await redocPage(app, title))
}

function servePage(app: FastifyInstance, urls: string[], policy: string, page: string): void {
  for (const url of urls)
    app.get(url, (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-cache')
        .header('content-security-policy', policy)
        .send(page),
    )
}

async function swaggerPage(app: FastifyInstance, title: string): Promise<string> {
  const asset = async (name: string) =>
    serveAsset(app, '/docs/assets', name, await read(`swagger-ui-dist/${name}`))
  return html({
    title,
    icon: await asset('favicon-32x32.png'),
    styles: [await asset('swagger-ui.css'), serveAsset(app, '/docs/assets', 'page.css', pageStyle)],
    scripts: [await asset('swagger-ui-bundle.js'), serveAsset(app, '/docs/assets', 'start.js', startSwagger)],
  })
}

// No validator badge: it would send the document's address to swagger.io.
const startSwagger = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#page',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
})
`

async function redocPage(app: FastifyInstance, title: string): Promise<string> {
  const bundle = (await read('redoc/bundles/redoc.standalone.js')).toString()
  return html({
    title,
    icon: serveAsset(app, '/redoc/assets', 'icon.png', await read('swagger-ui-dist/favicon-32x32.png')),
    styles: [serveAsset(app, '/redoc/assets', 'page.css', pageStyle)],
    scripts: [
      serveAsset(app, '/redoc/assets', 'redoc.js', withoutLogo(bundle)),
      serveAsset(app, '/redoc/assets', 'start.js', startRedoc),
    ],
  })
}

const startRedoc = `Redoc.init(
  '/openapi.json',
  { nativeScrollbars: true, hideDownloadButton: false },
  document.getElementById('page'),
)
`

/** ReDoc always loads its vendor's logo. An image that fails to load is not shown. */
function withoutLogo(bundle: string): string {
  const logo = 'https://cdn.redoc.ly/redoc/logo-mini.svg'
  if (!bundle.includes(logo))
    throw new Error('ReDoc has changed: look again for what it loads from elsewhere.')
  return bundle.replaceAll(logo, 'data:,')
}

// A separate file: an inline style would need a weaker policy.
const pageStyle = 'body { margin: 0 }\n'

interface Page {
  readonly title: string
  readonly icon: string
  readonly styles: readonly string[]
  readonly scripts: readonly string[]
}

function html({ title, icon, styles, scripts }: Page): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${escape(title)}</title>
    <link rel="icon" href="${icon}" />
    ${styles.map((url) => `<link rel="stylesheet" href="${url}" />`).join('\n    ')}
    ${scripts.map((url) => `<script defer src="${url}"></script>`).join('\n    ')}
  </head>
  <body>
    <div id="page"></div>
  </body>
</html>
`
}
