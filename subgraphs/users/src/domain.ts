import type { PrismaClient } from '@user-stats/prisma-users'
import type { Logger } from '@user-stats/service'
import { createAccess } from './identity/access.ts'
import { createApiKeys } from './modules/api-key/api-key.ts'
import { createAudit } from './modules/audit/audit.ts'
import { createCommands } from './modules/command/command.ts'
import { createEventsClient } from './modules/command/events-client.ts'
import { createOutbox } from './modules/command/outbox.ts'
import { createStoreRemoval } from './modules/store/store-removal.ts'
import { createStores } from './modules/store/store.ts'
import { createSigningKeys } from './modules/token/signing-keys.ts'
import { createTokens } from './modules/token/token.ts'
import { createUserRows } from './modules/user/user-rows.ts'
import { createUsers } from './modules/user/user.ts'
import type { MasterKey } from './vault/master-key.ts'
import type { Vault } from './vault/vault.ts'

export interface DomainOptions {
  readonly prisma: PrismaClient
  readonly masterKey: MasterKey
  readonly vault: Vault
  readonly eventsUrl: string
  /** Seconds. */
  readonly tokenLifetime: number
  readonly clock: () => Date
  readonly log: Logger
}

/** Everything behind the graph, wired. */
export function createDomain({
  prisma,
  masterKey,
  vault,
  eventsUrl,
  tokenLifetime,
  clock,
  log,
}: DomainOptions) {
  const access = createAccess({ prisma, clock })
  const audit = createAudit({ prisma, clock })
  // Twice as long as a token works, for clocks that differ.
  const keys = createSigningKeys({ prisma, masterKey, clock, afterlife: 2_000 * tokenLifetime })
  const tokens = createTokens({ prisma, keys, clock, lifetime: tokenLifetime })
  const rows = createUserRows({ vault })
  const outbox = createOutbox({ prisma, clock })
  const events = createEventsClient({ url: eventsUrl, token: () => tokens.serviceToken() })
  const removal = createStoreRemoval({ prisma, rows, outbox })
  const commands = createCommands({ prisma, outbox, events, removal, log })
  return {
    keys,
    events,
    commands,
    access,
    audit,
    tokens,
    apiKeys: createApiKeys({ prisma, access, audit, commands, clock }),
    stores: createStores({ prisma, access, audit, commands, clock }),
    users: createUsers({ prisma, rows, access, audit, commands, clock }),
  }
}
