import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const script = join(import.meta.dirname, '../scripts/compose.ts')
const committed = join(import.meta.dirname, '../supergraph.graphql')

const compose = (...args: string[]) =>
  new Promise<{ code: number; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_error, _stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stderr })
    })
  })

test('the committed supergraph is what the SDL composes to', async () => {
  expect(await compose('--check')).toEqual({ code: 0, stderr: '' })
})

test('--check reports a stale or missing file in one line with status 1; without it the file is written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'compose-'))
  try {
    const file = join(folder, 'supergraph.graphql')
    expect((await compose('--check', file)).code).toBe(1)
    await copyFile(committed, file)
    expect((await compose('--check', file)).code).toBe(0)
    await writeFile(file, 'stale')
    const { code, stderr } = await compose('--check', file)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^.*supergraph\.graphql is stale: run `npm run compose` and commit it\.\n$/)
    expect((await compose(file)).code).toBe(0)
    expect(await readFile(file, 'utf8')).toBe(await readFile(committed, 'utf8'))
  } finally {
    await rm(folder, { recursive: true })
  }
})
