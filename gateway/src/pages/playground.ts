import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { registerAssets, sendBuiltPage } from './built-page.ts'

const directory = join(import.meta.dirname, '../../generated/playground')

let page: string | undefined

/**
 * Fastify plugin: serves the playground's scripts, styles and fonts under `/playground/assets/`.
 * The page itself stands at the GraphQL endpoint, whose route delegates to it:
 *
 *     app.get('/graphql', (request, reply) =>
 *       wantsPage(request) ? sendPlayground(reply) : graphql(request, reply))
 */
export async function registerPlayground(app: FastifyInstance): Promise<void> {
  await registerAssets(app, join(directory, 'assets'), '/playground/assets/')
}

/** Sends the playground's page. @throws Error before `npm run generate` has built it */
export function sendPlayground(reply: FastifyReply): FastifyReply {
  page ??= readFileSync(join(directory, 'index.html'), 'utf8')
  return sendBuiltPage(reply, page, "'none'")
}
