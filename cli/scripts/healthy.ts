import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'

// `healthy.ts <port>`: the readiness of this container's service as an exit status, for the container's
// health check.
const set = (name: string) => [name, `${name}_FILE`].some((variable) => process.env[variable])
const where = { host: '127.0.0.1', port: Number(process.argv[2]), path: '/health/ready', timeout: 4_000 }
// Over loopback: the certificate is for other names.
const request = set('TLS_CERT') ? requestSecure({ ...where, rejectUnauthorized: false }) : requestPlain(where)
request
  .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end()
