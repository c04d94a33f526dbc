import { isIP } from 'node:net'
import { z } from 'zod'
import { kinds } from './parsers.ts'

/** What may be trusted to say for whom it asks: addresses, networks, or the names that proxy-addr knows. */
const isProxy = (text: string): boolean => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

export const rateVariables = {
  RATE_LIMIT: {
    schema: kinds.integer(1, 1_000_000_000, 1_500_000),
    about: 'Requests that the holder of one key may send in a minute. Subgraphs allow four times as many.',
    default: '1500000',
  },
  RATE_LIMIT_ANONYMOUS: {
    schema: kinds.integer(1, 1_000_000_000, 60_000),
    about:
      'Requests without a token from one address in a minute (IPv6: from one /64). Signing in is possible beyond it.',
    default: '60000',
  },
  AUTH_FAILURE_LIMIT: {
    schema: kinds.integer(1, 1_000_000, 30),
    about:
      'Wrong API keys, and bad tokens, from one address in a minute; more are answered with 429. The right ones are never refused.',
    default: '30',
  },
  REDIS_URL: {
    schema: kinds.redisUrl().optional(),
    about:
      'Redis through which replicas of a service share their counts of requests. Without it each counts alone.',
    default: '(none)',
    secret: true,
  },
  TRUST_PROXY: {
    schema: kinds
      .list()
      .refine(
        (list) => list.every(isProxy),
        'expected addresses, networks (10.0.0.0/8), or loopback, linklocal, uniquelocal',
      ),
    about:
      'Proxies whose `X-Forwarded-For` says for whom they ask: addresses and networks, separated by commas.',
    default: '(none)',
  },
} as const

/** Of the gateway, and of the services that recognise it. */
export const gatewaySecretVariable = {
  GATEWAY_SECRET: {
    schema: z.string().min(16, 'expected at least 16 characters').optional(),
    about:
      'Known to the gateway and the services behind it: by it they recognise the gateway, which alone may send them batches, and believe the address it gives of an anonymous client. `npm start` makes one at each start.',
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

/** Of a subgraph: one request to the gateway may take several to each. */
export const fourTimes = <T extends { readonly caller: number; readonly anonymous: number }>(
  rates: T,
): T => ({
  ...rates,
  caller: rates.caller * 4,
  anonymous: rates.anonymous * 4,
})

/** How often one may ask, as the variables say. */
export const rateLimitsOf = (env: Values) => ({
  caller: env.RATE_LIMIT,
  anonymous: env.RATE_LIMIT_ANONYMOUS,
  failures: env.AUTH_FAILURE_LIMIT,
  redisUrl: env.REDIS_URL,
})
