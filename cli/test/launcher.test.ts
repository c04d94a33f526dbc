import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { temporaryDir } from './helpers.ts'

const launcher = path.join(import.meta.dirname, '../bin/user-stats')

/** A stand-in for Node that reports its version, its process id and its arguments. */
async function writeNode(file: string, version: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo $$ "$0" "$@"; fi\n`
  await writeFile(file, script, { mode: 0o755 })
}

/** An installation in a directory with a space, its launcher linked from elsewhere as npm links it. */
async function install(dir: string, installed: string | undefined, machine: string | undefined) {
  const root = path.join(dir, 'user statistics')
  await mkdir(path.join(root, 'cli/bin'), { recursive: true })
  await copyFile(launcher, path.join(root, 'cli/bin/user-stats'))
  await mkdir(path.join(root, 'node_modules/.bin'), { recursive: true })
  await mkdir(path.join(root, 'node_modules/@user-stats'))
  await symlink('../../cli', path.join(root, 'node_modules/@user-stats/cli'))
  await symlink('../@user-stats/cli/bin/user-stats', path.join(root, 'node_modules/.bin/user-stats'))
  if (installed !== undefined) await writeNode(path.join(root, 'node_modules/node/bin/node'), installed)
  if (machine !== undefined) await writeNode(path.join(dir, 'bin/node'), machine)
  const env = { PATH: [path.join(dir, 'bin'), '/usr/bin', '/bin'].join(':') }
  return { root, link: path.join(root, 'node_modules/.bin/user-stats'), env }
}

test.each([
  [
    'the Node that npm installed, on an older machine',
    'v24.9.0',
    'v20.19.0',
    'user statistics/node_modules/node/bin/node',
  ],
  ['the Node of the machine, when npm installed none', undefined, 'v26.0.0', 'bin/node'],
])('becomes %s, so that signals reach it', async (_, installed, machine, expected) => {
  await using home = await temporaryDir()
  const { root, link, env } = await install(home.dir, installed, machine)
  const child = spawn(link, ['start', 'a b'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  const node = path.join(home.dir, expected)
  expect(output).toBe(`${String(child.pid)} ${node} ${path.join(root, 'cli/src/main.ts')} start a b\n`)
})

test('reports in one line that Node is too old', async () => {
  await using home = await temporaryDir()
  const { root, link, env } = await install(home.dir, undefined, 'v22.20.0')
  await expect(promisify(execFile)(link, ['start'], { env })).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: `user-stats: needs Node.js 24 or newer, found v22.20.0. Run npm ci in ${root}, which installs it, or put a newer node on the PATH.\n`,
  })
})

test('starts the real command line', async () => {
  const { stdout } = await promisify(execFile)(launcher, ['--version'], { env: { PATH: '/usr/bin:/bin' } })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})
