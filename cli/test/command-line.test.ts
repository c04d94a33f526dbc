import path from 'node:path'
import { expect, test } from '@jest/globals'
import { commands, groups } from '../src/commands.ts'
import { runProgram, temporaryDir } from './helpers.ts'

test.each([
  [[], /^Usage: user-stats /],
  [['statr'], "user-stats: unknown command 'statr'\n(Did you mean start?)"],
  [['backup', '--too', 'x'], "user-stats: unknown option '--too'\n(Did you mean --to?)"],
  [['backup', '--to', ''], "user-stats: option '--to <directory>' argument '' is invalid. Expected a path."],
  [['verify', 'all'], "user-stats: too many arguments for 'verify'. Expected 0 arguments but got 1."],
  [['restore'], "user-stats: required option '--from <directory>' not specified"],
  [['migrate', 'reset'], /'reset' is invalid for argument 'step'\. Allowed choices are deploy, status\./],
  [['rotate'], /^Usage: user-stats rotate /],
  [['rotate', 'everything'], "user-stats: unknown command 'everything'"],
  [['rotate', 'master-key', '--now'], "user-stats: unknown option '--now'"],
  [['erasures', 'export'], "user-stats: required option '--to <file>' not specified"],
  [['init-secrets', '/secrets', 'remove'], /Allowed choices are make, new-master-key, retire-old-master-key/],
  ...['', '0', '-1', '1.5', 'all', '100000'].map((days): [string[], string] => [
    ['audit', 'prune', '--', days],
    'Expected a number of days from 1 to 99999.',
  ]),
])('%j is misuse: status 2, without effect', async (words, message) => {
  const { code, stdout, stderr } = await runProgram({}, ...words).ended
  expect([code, stdout]).toEqual([2, ''])
  if (typeof message === 'string') expect(stderr).toContain(message)
  else expect(stderr).toMatch(message)
})

test('every command and every group has help, with all its options', async () => {
  for (const { name, summary, options = [], parameters = [] } of commands) {
    const { code, stdout, stderr } = await runProgram({}, ...name.split(' '), '--help').ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`Usage: user-stats ${name}`)
    const text = stdout.replaceAll(/\s+/g, ' ')
    for (const described of [summary, ...[...options, ...parameters].map((one) => one.description)])
      expect(text).toContain(described)
    for (const { flags } of options) expect(text).toContain(flags)
  }
  const { stdout } = await runProgram({}, '--help').ended
  for (const name of [...commands.map((command) => command.name.split(' ')[0] ?? ''), ...Object.keys(groups)])
    expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
})

test('commands load no web server, and help loads nothing', async () => {
  await using home = await temporaryDir()
  const packagesOf = async (...words: string[]): Promise<string[]> => {
    const options = `--import=${path.join(import.meta.dirname, 'fixtures/log-packages.js')}`
    const { stderr } = await runProgram(
      { DATA_DIR: home.dir, USERS_PORT: 'x', NODE_OPTIONS: options },
      ...words,
    ).ended
    return JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as string[]
  }
  expect(await packagesOf('--help')).toEqual(['commander'])
  const servers = [
    'fastify',
    '@apollo/server',
    '@apollo/gateway',
    '@apollo/subgraph',
    'graphql',
    'graphql-jit',
  ]
  for (const words of [
    ['start'],
    ['migrate', 'status'],
    ['backup'],
    ['restore', '--from', home.dir],
    ['rotate', 'master-key'],
    ['rotate', 'signing-key'],
    ['erasures', 'replay', '--from', path.join(home.dir, 'none')],
    ['init-secrets', path.join(home.dir, 'secrets')],
  ])
    expect([words, (await packagesOf(...words)).filter((name) => servers.includes(name))]).toEqual([
      words,
      [],
    ])
})
