import { readdirSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import Fastify from 'fastify'

interface Settings {
  readonly port: number
  readonly users: string
  readonly events: string
}

// With graphql 16 Mercurius's gateway 5.2.0 puts a type where a document needs its name, and no entity is
// ever found.
const before = 'value: returnType\n'
registerHooks({
  load: (url, context, next) => {
    const loaded = next(url, context)
    if (!url.endsWith('@mercuriusjs/gateway/lib/gateway/make-resolver.js')) return loaded
    const source = readFileSync(new URL(url), 'utf8')
    if (!source.includes(before))
      throw new Error("Mercurius's gateway has changed: look again whether it needs the patch.")
    return { ...loaded, format: 'commonjs', source: source.replace(before, 'value: String(returnType)\n') }
  },
})
const { default: mercuriusGateway } = await import('@mercuriusjs/gateway')

const { port, users, events } = JSON.parse(process.argv[2] ?? '') as Settings

const sdlOf = (name: string): string => {
  const root = join(import.meta.dirname, '../../..')
  const folder = join(root, 'subgraphs', name, 'src')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.graphql'))
    .map((file) => join(folder, file))
  return [...files, join(root, 'packages/audit-log/src/audit.graphql')]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
}

/** It knows federation 1: no imports, nothing inaccessible, and types of others are extended. */
const older = (sdl: string): string =>
  sdl
    .replace(/extend schema\s*@link\([^()]*\)/, '')
    .replaceAll(/\s@(?:inaccessible|shareable)\b/g, '')
    .replaceAll(/\s@(?:requires|tag)\([^)]*\)/g, '')

const extending = (sdl: string): string =>
  older(sdl)
    .replace(
      'type Store @key(fields: "id") {\n  id: Int!',
      'extend type Store @key(fields: "id") {\n  id: Int! @external',
    )
    .replace('type User @key', 'extend type User @key')
    .replace(
      /(extend type User[^{]*\{\s*storeId: Int!)(\s*ref: String!)[^}]*?id: ID! @external/,
      '$1 @external$2 @external',
    )

const service = (name: string, url: string, schema: string) => ({
  name,
  url: `${url}/graphql`,
  schema,
  rewriteHeaders: ({ authorization }: Record<string, string>) => ({ authorization }),
  connections: 128,
})

const app = Fastify()
await app.register(mercuriusGateway, {
  jit: 1,
  gateway: {
    services: [
      service('users', users, older(sdlOf('users'))),
      service('events', events, extending(sdlOf('events'))),
    ],
  },
})
await app.listen({ port, host: '127.0.0.1' })
