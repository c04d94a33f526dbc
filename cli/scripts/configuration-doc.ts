import { readFile, writeFile } from 'node:fs/promises'
import { eventsVariables } from '@user-stats/events/env'
import { gatewayVariables } from '@user-stats/gateway/env'
import { usersVariables } from '@user-stats/users/env'
import type { Variable } from '@user-stats/config'
import { format, resolveConfig } from 'prettier'
import { variables } from '../src/env.ts'

// Writes the table of docs/configuration.md; with --check, fails when it is stale.

const file = new URL('../../docs/configuration.md', import.meta.url)
const [begin, end] = ['<!-- configuration -->', '<!-- /configuration -->']

const readers = { gateway: gatewayVariables, users: usersVariables, events: eventsVariables }

function readBy(name: string): string {
  const services = Object.entries(readers).flatMap(([service, table]) => (name in table ? [service] : []))
  if (services.length === 0) return 'stack'
  return services.length === 3 ? 'all' : services.join(', ')
}

const rows = Object.entries<Variable>(variables)
  .filter(([, { onlyTests }]) => onlyTests !== true)
  .map(
    ([name, { about, default: fallback }]) =>
      `| \`${name}\` | ${fallback === undefined ? '' : `\`${fallback}\``} | ${readBy(name)} | ${about.replaceAll(/[<>|]/g, '\\$&')} |`,
  )
const table = ['| Variable | Default | Read by | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')

const found = await readFile(file, 'utf8')
const [before, rest = ''] = found.split(begin)
const after = rest.split(end)[1]
if (before === undefined || after === undefined)
  throw new Error('docs/configuration.md has no markers for the table')
const wanted = await format(`${before}${begin}\n\n${table}\n\n${end}${after}`, {
  ...(await resolveConfig(file)),
  parser: 'markdown',
})

if (!process.argv.includes('--check')) await writeFile(file, wanted)
else if (found !== wanted) {
  process.stderr.write('docs/configuration.md is stale: npm run docs\n')
  process.exitCode = 1
}
