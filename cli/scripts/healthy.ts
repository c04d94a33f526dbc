import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'

// `healthy.ts <port>`: whether the service in this container is ready, as a status, for the container's health check.
const set = (name: string) => [name, `${name}_FILE`].some((variable) => process.env[variable])
const where = { host: '127.0.0.1', port: Number(process.argv[2]), path: '/health/ready', timeout: 4_000 }
// Itself, over loopback: the certificate is for others, by another name.
const request = set('TLS_CERT') ? requestSecure({ ...where, rejectUnauthorized: false }) : requestPlain(where)
request
  .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end()
