import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

interface Settings {
  readonly port: number
  readonly users: string
  readonly events: string
  readonly directory: string
}

const { port, users, events, directory } = JSON.parse(process.argv[2] ?? '') as Settings

// The same composed graph; the file says where the subgraphs are.
const composed = readFileSync(join(import.meta.dirname, '../../../gateway/supergraph.graphql'), 'utf8')
const supergraph = join(directory, 'hive.graphql')
const at = { users, events }
writeFileSync(
  supergraph,
  composed.replaceAll(
    /@join__graph\(name: "(users|events)", url: "[^"]*"\)/g,
    (_all, name: 'users' | 'events') => `@join__graph(name: "${name}", url: "${at[name]}/graphql")`,
  ),
)
const config = join(import.meta.dirname, '../../hive.config.js')
const cli = join(
  dirname(createRequire(import.meta.url).resolve('@graphql-hive/gateway/package.json')),
  'dist/bin.js',
)
process.argv = [
  process.execPath,
  cli,
  ...['supergraph', supergraph, '--port', String(port), '--host', '127.0.0.1', '--fork', '1', '-c', config],
]
// In this process, whose CPU is measured.
await import(cli)
