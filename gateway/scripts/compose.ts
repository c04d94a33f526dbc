import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { composeServices } from '@apollo/composition'
import { loadTypeDefs } from '@user-stats/graphql/load-type-defs'

/**
 * Composes the subgraphs' SDL into the supergraph: `compose.ts [--check] [<output>]`. `--check` writes
 * nothing and exits with status 1 when the file is stale.
 */
const root = join(import.meta.dirname, '../..')
const check = process.argv.includes('--check')
const output =
  process.argv.slice(2).find((argument) => !argument.startsWith('--')) ??
  join(root, 'gateway/supergraph.graphql')

const byName = (a: string, b: string): number => (a < b ? -1 : 1)

function composed(): string {
  const subgraphs = readdirSync(join(root, 'subgraphs')).sort(byName)
  const { supergraphSdl, errors } = composeServices(
    // Placeholder URLs: the gateway locates subgraphs by environment variables.
    subgraphs.map((name) => ({
      name,
      url: `http://${name}`,
      typeDefs: loadTypeDefs(join(root, 'subgraphs', name, 'src')),
    })),
  )
  if (supergraphSdl !== undefined) return `${supergraphSdl.trim()}\n`
  for (const { message } of errors) process.stderr.write(`${message}\n`)
  process.exit(1)
}

function current(): string | undefined {
  try {
    return readFileSync(output, 'utf8')
  } catch {
    return undefined
  }
}

const sdl = composed()
const stale = current() !== sdl
const displayPath = relative(root, output)
if (check && stale) {
  process.stderr.write(`${displayPath} is stale: run \`npm run compose\` and commit it.\n`)
  process.exit(1)
}
if (!check && stale) writeFileSync(output, sdl)
process.stdout.write(`${displayPath} is ${check || !stale ? 'fresh' : 'composed'}.\n`)
