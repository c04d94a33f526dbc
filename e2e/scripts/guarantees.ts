import { readFile } from 'node:fs/promises'
import ts from 'typescript'

// Checks that each promise of docs/guarantees.md names existing tests.

const root = new URL('../../', import.meta.url)
const page = 'docs/guarantees.md'

/** Names that a file gives its tests, as they stand in it: of `test.each` with its placeholders. */
async function testsOf(file: string): Promise<ReadonlySet<string>> {
  const source = ts.createSourceFile(
    file,
    await readFile(new URL(file, root), 'utf8'),
    ts.ScriptTarget.Latest,
  )
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    const [name] = ts.isCallExpression(node) && isTest(node.expression) ? node.arguments : []
    if (name !== undefined && ts.isStringLiteralLike(name)) names.add(name.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

/** `test` and `test.each(…)`; skipped tests do not count. */
function isTest(called: ts.Expression): boolean {
  if (ts.isIdentifier(called)) return called.text === 'test'
  if (!ts.isCallExpression(called) && !ts.isTaggedTemplateExpression(called)) return false
  const each = ts.isCallExpression(called) ? called.expression : called.tag
  return ts.isPropertyAccessExpression(each) && each.name.text === 'each' && isTest(each.expression)
}

const known = new Map<string, Promise<ReadonlySet<string> | undefined>>()
const testsOnce = (file: string) => {
  const found = known.get(file) ?? testsOf(file).catch(() => undefined)
  known.set(file, found)
  return found
}

/** The faults of one row `| promise | `file`: `test`, `test` |`. */
async function faultsOf(row: string): Promise<readonly string[]> {
  const [, promise = '', holders = '', ...rest] = row.split(/(?<!\\)\|/).map((cell) => cell.trim())
  if (promise === '') return ['a row without a promise']
  if (rest.join('') !== '') return [`"${promise}": a row has two cells; write a bar as \\|`]
  const faults: string[] = []
  let file: string | undefined
  let tests = 0
  for (const [, span = ''] of holders.replaceAll('\\|', '|').matchAll(/`([^`]+)`/g)) {
    if (span.endsWith('.ts')) {
      file = span
      if ((await testsOnce(file)) === undefined) faults.push(`"${promise}": there is no file ${file}`)
    } else if (file === undefined)
      faults.push(`"${promise}": the test "${span}" stands before the file it is in`)
    else {
      tests += 1
      if ((await testsOnce(file))?.has(span) === false)
        faults.push(`"${promise}": ${file} has no test "${span}"`)
    }
  }
  return tests === 0 && faults.length === 0 ? [`"${promise}": no test holds it`] : faults
}

const lines = (await readFile(new URL(page, root), 'utf8')).split('\n')
const rows = lines.filter((line, at) => line.startsWith('|') && !isHead(line, lines[at + 1]))
function isHead(line: string, next = ''): boolean {
  return [line, next].some((candidate) => /^\|(?:\s*:?-+:?\s*\|)+$/.test(candidate))
}

const faults = (await Promise.all(rows.map(faultsOf))).flat()
if (rows.length === 0) faults.push('no promise at all')
for (const fault of faults) process.stderr.write(`${page}: ${fault}\n`)
if (faults.length > 0) process.exitCode = 1
