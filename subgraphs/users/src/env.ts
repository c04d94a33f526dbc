import { z } from 'zod'
import {
  subgraphLimits,
  commonEnvOf,
  commonVariables,
  subgraphRates,
  gatewaySecretVariable,
  parsers,
  metricsOf,
  readServiceVariables,
  type RawEnv,
  type Variable,
} from '@user-stats/config'
import { createMasterKeys, parseMasterKey, type MasterKeys } from './vault/master-keys.ts'

const masterKeyForm = 'expected 32 random bytes as base64, base64url or hex: openssl rand -base64 32'

const masterKey = z.string({ error: masterKeyForm }).transform((text, context) => {
  const key = parseMasterKey(text.trim())
  if (key !== undefined) return key
  context.addIssue(masterKeyForm)
  return z.NEVER
})

export const usersVariables = {
  ...commonVariables,
  ...gatewaySecretVariable,
  USERS_PORT: { schema: parsers.port(8001), about: 'Port of the users service.', default: '8001' },
  USERS_DATABASE_URL: {
    schema: parsers.databaseUrl(),
    about: 'Users database, as the role that serves.',
    default: '(embedded)',
    secret: true,
  },
  MASTER_KEY: {
    schema: masterKey,
    about:
      'Wraps every other key: 32 bytes as base64, base64url or hex. Without it personal data cannot be read.',
    default: '(generated)',
    secret: true,
  },
  MASTER_KEY_PREVIOUS: {
    schema: z
      .string()
      .transform((text) => (text.trim() === '' ? undefined : text))
      .pipe(masterKey.optional())
      .optional(),
    about:
      'A second master key, which only opens what it has wrapped: the one before while it is being replaced, see `npm run rotate:master-key`.',
    default: '(none)',
    secret: true,
  },
  ADMIN_API_KEY: {
    schema: z
      .string()
      .regex(/^[!-~]{16,512}$/, 'expected 16 to 512 printable characters without spaces')
      .optional(),
    about:
      'The first admin key: random, such as `openssl rand -base64 32`. Taken over at a start when no admin key works, else ignored.',
    default: '(generated)',
    secret: true,
  },
  EVENTS_URL: {
    schema: parsers.url('http://127.0.0.1:8002'),
    about: 'Base URL of the events service.',
    default: 'http://127.0.0.1:8002',
  },
  ACCESS_TOKEN_EXPIRE_MINUTES: {
    schema: parsers.integer(1, 1_440, 60),
    about: 'Minutes for which an access token works.',
    default: '60',
  },
  DATABASE_POOL_SIZE: {
    schema: parsers.integer(4, 1_000, 16),
    about: 'Database connections of a service, at most.',
    default: '16',
  },
} as const satisfies Record<string, Variable>

export type UsersEnv = ReturnType<typeof readEnv>

/** @throws EnvError naming every variable that is wrong */
export function readEnv(raw: RawEnv) {
  const env = readServiceVariables(usersVariables, raw)
  const common = commonEnvOf(env, raw)
  return {
    ...common,
    http: { host: env.HOST, port: env.USERS_PORT },
    metrics: metricsOf(env, env.USERS_PORT),
    rates: subgraphRates(common.rates),
    gatewaySecret: env.GATEWAY_SECRET,
    graph: subgraphLimits(common.graph),
    database: { url: env.USERS_DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    secrets: {
      masterKey: env.MASTER_KEY,
      previousMasterKey: env.MASTER_KEY_PREVIOUS,
      adminApiKey: env.ADMIN_API_KEY,
    },
    events: { url: env.EVENTS_URL },
    tokens: { lifetime: env.ACCESS_TOKEN_EXPIRE_MINUTES * 60 },
  } as const
}

/** The master keys a service is given. */
export const masterKeysOf = ({ secrets }: Pick<UsersEnv, 'secrets'>): MasterKeys =>
  createMasterKeys(secrets.masterKey, secrets.previousMasterKey)
