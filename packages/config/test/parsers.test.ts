import { expect, test } from '@jest/globals'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { z } from 'zod'
import { parsers } from '../src/parsers.ts'

const faultOf = (schema: z.ZodType, text: string): string | undefined =>
  schema
    .safeParse(text)
    .error?.issues.map(({ message }) => message)
    .join()

test.each([
  '127.0.0.1',
  '0.0.0.0',
  '::',
  '::1',
  'fe80::1%eth0',
  'localhost',
  'a-b.example',
  'xn--bcher-kva.example',
])('%j is a host', (text) => {
  expect(faultOf(parsers.host('localhost'), text)).toBeUndefined()
})

test.each([
  '256.0.0.1',
  '127.0.0',
  '8000',
  'http://localhost',
  'localhost:8000',
  'a b',
  'a..b',
  '-a',
  '[::1]',
  'bücher.example',
  '*',
])('%j is no host', (text) => {
  expect(faultOf(parsers.host('localhost'), text)).toBe('expected a host name or an IP address')
})

test.each([
  'https://shop.example',
  'http://localhost:3000',
  ' https://a.example , https://b.example:8443,',
  'http://[::1]:8080',
])('%j are origins', (text) => {
  expect(faultOf(parsers.origins(), text)).toBeUndefined()
})

test.each([
  'shop.example',
  'https://shop.example/',
  'https://shop.example/path',
  'https://shop.example:443',
  'https://Shop.example',
  'https://*.example',
  'https://user@shop.example',
  'ftp://shop.example',
  'null',
  '*',
  'https://a.example https://b.example',
  'https://a.example,shop.example',
])('%j are no origins', (text) => {
  expect(faultOf(parsers.origins(), text)).toMatch(/^expected origins separated by commas/)
})

test.each(['http://users:8001', 'https://users.example/graphql?a=b', 'HTTP://USERS', 'http://[::1]:8001/'])(
  '%j is the URL of a service',
  (text) => {
    expect(faultOf(parsers.url(''), text)).toBeUndefined()
  },
)

test.each([
  'users:8001',
  'http:/users',
  'http:users',
  'http:///users',
  'http://',
  'ftp://users',
  'http://u:p@users',
  'http://users#a',
  'http://users:99999',
  'http://a b',
])('%j is no URL of a service', (text) => {
  expect(faultOf(parsers.url(''), text)).toMatch(/^expected an http:\/\/ or https:\/\/ URL/)
})

test.each([
  'postgresql://role:password@host:5432/database',
  'postgres://host/database',
  'postgresql:///database?host=/var/run/postgresql',
  'postgresql://r:p%40ss@[::1]/d?sslmode=verify-full&application_name=x&connect_timeout=3',
])('%j is the URL of a database', (text) => {
  expect(faultOf(parsers.databaseUrl(), text)).toBeUndefined()
})

const form = 'expected a URL: postgresql://role:password@host:5432/database'
test.each([
  ['mysql://host/database', form],
  ['postgresql:database', form],
  ['postgresql://host', form],
  ['postgresql://host/', form],
  ['postgresql://host:99999/database', form],
  [
    'postgresql://h/d?sslmode=verify_full',
    'sslmode: expected one of disable, prefer, require, verify-ca, verify-full, no-verify',
  ],
  ['postgresql://h/d?ssl_mode=require', 'there is no parameter ssl_mode: did you mean sslmode?'],
  ['postgresql://h/d?sslmode=verify-full&sslrootcert=/nowhere', 'sslrootcert: the file cannot be read'],
  ['postgresql://h/d?sslrootcrt=/nowhere', 'there is no parameter sslrootcrt: did you mean sslrootcert?'],
])('%j is no URL of a database', (text, fault) => {
  expect(faultOf(parsers.databaseUrl(), text)).toBe(fault)
})

test.each([
  ['redis://redis', undefined],
  ['rediss://user:password@redis:6380/1', undefined],
  ['redis', 'expected a redis:// or rediss:// URL'],
  ['redis:redis', 'expected a redis:// or rediss:// URL'],
  ['http://redis', 'expected a redis:// or rediss:// URL'],
])('%j as the URL of Redis: %s', (text, fault) => {
  expect(faultOf(parsers.redisUrl(), text)).toBe(fault)
})

test.each([
  ['/var/lib/our data', undefined],
  ['data~', undefined],
  ['~', 'expected a path: only a shell knows what ~ is'],
  ['~/data', 'expected a path: only a shell knows what ~ is'],
])('%j as a directory: %s', (text, fault) => {
  expect(faultOf(parsers.directory(''), text)).toBe(fault)
})

test('a file must be there, readable and no directory', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'kinds-'))
  const file = join(directory.path, 'file')
  expect(faultOf(parsers.file(''), file)).toBe(`the file ${file} cannot be read`)
  expect(faultOf(parsers.file(''), directory.path)).toBe(`${directory.path} is a directory, expected a file`)
  await writeFile(file, '')
  expect(faultOf(parsers.file(''), file)).toBeUndefined()
})
