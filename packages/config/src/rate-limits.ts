import { isIP } from 'node:net'
import { z } from 'zod'
import { parsers } from './parsers.ts'

/** Trusted proxies: addresses, networks, or the names that proxy-addr knows. */
const isProxy = (text: string): boolean => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

export const rateVariables = {
  RATE_LIMIT: {
    schema: parsers.integer(1, 1_000_000_000, 1_500_000),
    about: 'Requests per minute with one API key. Subgraphs allow four times as many.',
    default: '1500000',
  },
  RATE_LIMIT_ANONYMOUS: {
    schema: parsers.integer(1, 1_000_000_000, 60_000),
    about:
      'Requests per minute without a token from one address (IPv6: one /64). Signing in is still possible beyond it.',
    default: '60000',
  },
  AUTH_FAILURE_LIMIT: {
    schema: parsers.integer(1, 1_000_000, 30),
    about:
      'Wrong API keys, and bad tokens, per minute from one address; more are answered with 429. Correct ones are never refused.',
    default: '30',
  },
  REDIS_URL: {
    schema: parsers.redisUrl().optional(),
    about: 'Redis that replicas of a service use to share request counts. Without it each counts alone.',
    default: '(none)',
    secret: true,
  },
  TRUST_PROXY: {
    schema: parsers
      .list()
      .refine(
        (list) => list.every(isProxy),
        'expected addresses, networks (10.0.0.0/8), or loopback, linklocal, uniquelocal',
      ),
    about: 'Proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas.',
    default: '(none)',
  },
} as const

/** A variable of the gateway, and of the services that recognise it. */
export const gatewaySecretVariable = {
  GATEWAY_SECRET: {
    schema: z.string().min(16, 'expected at least 16 characters').optional(),
    about:
      'A secret shared by the gateway and its services. It authenticates the gateway, which alone may send them batches and the address of an anonymous client. `npm start` generates one at each start.',
    default: '(generated)',
    secret: true,
  },
} as const

interface Values {
  readonly RATE_LIMIT: number
  readonly RATE_LIMIT_ANONYMOUS: number
  readonly AUTH_FAILURE_LIMIT: number
  readonly REDIS_URL?: string | undefined
}

/** The limits of a subgraph: one request to the gateway may cause several to each. */
export const subgraphRates = <T extends { readonly caller: number; readonly anonymous: number }>(
  rates: T,
): T => ({
  ...rates,
  caller: rates.caller * 4,
  anonymous: rates.anonymous * 4,
})

/** The rate limits in the environment. */
export const rateLimitsOf = (env: Values) => ({
  caller: env.RATE_LIMIT,
  anonymous: env.RATE_LIMIT_ANONYMOUS,
  failures: env.AUTH_FAILURE_LIMIT,
  redisUrl: env.REDIS_URL,
})
