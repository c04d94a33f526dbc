import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { freePorts, runProgram, temporaryDir } from './helpers.ts'

// Interrupts a start at each line that it prints.

const firstStart = [
  /^data /,
  /^database +users: initialising/,
  /^database +events: initialising/,
  /^migrate +users: applied/,
  /^migrate +events: applied/,
  /^secrets +master key created/,
  /^secrets +first admin key created/,
  /^services +starting users, events/,
  /^services +starting gateway/,
]
const laterStart = [
  /^data /,
  /^migrate +users: up to date/,
  /^migrate +events: up to date/,
  /^services +starting users, events/,
  /^services +starting gateway/,
]

const stops = ['gateway', 'users, events', 'databases']

/** The parts it reported as started and then stopped, in the order of stopping. */
function stopped(stdout: string): { started: string[]; stopped: string[] } {
  const started = stops.filter((part) =>
    part === 'databases' ? stdout.includes('migrate') : stdout.includes(`starting ${part}`),
  )
  return {
    started,
    stopped: [...stdout.matchAll(/^stopped +(.*)$/gm)].map(([, part = '']) => part),
  }
}

async function interruptAt(line: RegExp, dataDir: string): Promise<void> {
  const program = runProgram({ ...freePorts, DATA_DIR: dataDir }, 'start')
  expect(await Promise.race([program.next(line), program.ready])).toMatch(line)
  program.child.kill('SIGINT')
  const { code, stdout, stderr } = await program.ended
  expect([code, stderr]).toEqual([130, ''])
  const parts = stopped(stdout)
  expect(parts.stopped).toEqual(expect.arrayContaining(parts.started))
  expect(parts.stopped).toEqual(stops.filter((part) => parts.stopped.includes(part)))
  for (const file of ['users/pgdata/postmaster.pid', 'events/pgdata/postmaster.pid', 'lock.pid'])
    await expect(readFile(path.join(dataDir, file))).rejects.toThrow('ENOENT')
}

test.each(firstStart)(
  'a first start interrupted at %s stops what it had started, in order, with status 130 and no leftovers',
  async (line) => {
    await using home = await temporaryDir()
    await interruptAt(line, home.dir)
  },
)

test('so does a later start, interrupted at any line', async () => {
  await using home = await temporaryDir()
  await interruptAt(/^services +starting gateway/, home.dir)
  for (const line of laterStart) await interruptAt(line, home.dir)
}, 120_000)
