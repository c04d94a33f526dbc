import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { readinessOf, wantsPage, type ReadinessChecks } from '@user-stats/http'
import { pagePaths, siteDirectory } from '@user-stats/web/site'
import { basePathOf } from './base-path.ts'
import { registerAssets, sendBuiltPage } from './built-page.ts'

let page: string | undefined

/** Sends the page that shows every view. @throws Error before `npm run generate` has built it */
export function sendPage(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  page ??= readFileSync(join(siteDirectory, 'index.html'), 'utf8')
  return sendBuiltPage(reply, page.replace('<base href="/"', `<base href="${basePathOf(request)}"`), "'self'")
}

/**
 * Serves the pages of `web/` to browsers; all other clients find nothing at their addresses, as a problem
 * document. `GET /health/system` returns the readiness of the gateway and of `parts`.
 */
export async function registerWeb(
  app: FastifyInstance,
  { parts }: { readonly parts: () => ReadinessChecks },
): Promise<void> {
  await registerAssets(app, join(siteDirectory, 'assets'), '/assets/')
  for (const path of pagePaths)
    app.get(path, (request, reply) => {
      if (!wantsPage(request)) throw new DomainError('NOT_FOUND')
      return sendPage(request, reply)
    })
  app.get('/health/system', async (_request, reply) => {
    const [own, other] = await Promise.all([app.readiness(), readinessOf(parts())])
    return reply.header('cache-control', 'no-store').send({
      status: own.status === 'ok' ? other.status : own.status,
      checks: { ...own.checks, ...other.checks },
    })
  })
}
