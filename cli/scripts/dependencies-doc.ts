import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { reasons } from './dependency-reasons.ts'
import { resolved, root, workspaces } from './lock-file.ts'

// Writes the table of docs/dependencies.md; with --check, fails when it is stale. Each dependency needs a
// reason.

const file = new URL('docs/dependencies.md', root)
const [begin, end] = ['<!-- dependencies -->', '<!-- /dependencies -->']

const users = new Map<string, string[]>()
for (const [workspace, { dependencies = {} }] of workspaces)
  for (const name of Object.keys(dependencies))
    if (!name.startsWith('@user-stats/')) users.set(name, [...(users.get(name) ?? []), workspace])

const names = [...users.keys()].sort()
const faults = [
  ...names.filter((name) => reasons[name] === undefined).map((name) => `${name} has no reason`),
  ...Object.keys(reasons)
    .filter((name) => !users.has(name))
    .map((name) => `${name} has a reason but is not used`),
]
for (const fault of faults) process.stderr.write(`cli/scripts/dependency-reasons.ts: ${fault}\n`)

const rows = names.map((name) => {
  const [first = '', ...others] = users.get(name) ?? []
  const licence = resolved(first, name)?.license ?? 'unknown'
  return `| \`${name}\` | ${reasons[name] ?? ''} | ${licence} | ${[first, ...others].join(', ')} |`
})
const table = ['| Package | Why | Licence | Used by |', '| --- | --- | --- | --- |', ...rows].join('\n')

const found = await readFile(file, 'utf8')
const [before, rest = ''] = found.split(begin)
const after = rest.split(end)[1]
if (before === undefined || after === undefined)
  throw new Error('docs/dependencies.md has no markers for the table')
const wanted = await format(`${before}${begin}\n\n${table}\n\n${end}${after}`, {
  ...(await resolveConfig(file)),
  parser: 'markdown',
})
if (!process.argv.includes('--check')) await writeFile(file, wanted)
else if (found !== wanted) {
  process.stderr.write('docs/dependencies.md is stale: npm run docs\n')
  process.exitCode = 1
}
if (faults.length > 0) process.exitCode = 1
