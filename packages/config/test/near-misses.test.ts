import { expect, test } from '@jest/globals'
import { nearMisses } from '../src/near-misses.ts'

const known = ['GATEWAY_PORT', 'USERS_DATABASE_URL', 'HOST', 'TLS_CERT', 'LOG_LEVEL', 'RATE_LIMIT_ANONYMOUS']

test.each([
  ['GATEWY_PORT', 'GATEWAY_PORT'],
  ['GATEWAY_PROT', 'GATEWAY_PORT'],
  ['GATEWAYPORT', 'GATEWAY_PORT'],
  ['gateway_port', 'GATEWAY_PORT'],
  ['GATEWAY-PORT', 'GATEWAY_PORT'],
  ['USER_DATABASE_URL', 'USERS_DATABASE_URL'],
  ['USERS_DATABSE_URL_FILE', 'USERS_DATABASE_URL_FILE'],
  ['HOTS', undefined],
  ['HOSTS', 'HOST'],
  ['LOGLEVEL', 'LOG_LEVEL'],
])('of %s it is said that %s was meant', (name, meant) => {
  expect(nearMisses({ [name]: 'x' }, known)).toEqual(
    meant === undefined ? [] : [`${name} is ignored: did you mean ${meant}?`],
  )
})

test.each([
  'GATEWAY_PORT',
  'GATEWAY_PORT_FILE',
  'RATE_LIMIT_STRANGERS',
  'MAX_CONNECTIONS',
  'PATH',
  'HOME',
  'HOSTNAME',
  'PORT',
  'NODE_OPTIONS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'DATABASE_URL',
  'PGHOST',
  'npm_config_loglevel',
  'HTTPS_PROXY',
])('nothing is said of %s', (name) => {
  expect(nearMisses({ [name]: 'x' }, known)).toEqual([])
})
