import type { UsersDatabase } from '@user-stats/prisma-users'
import { createPeerBreaker, type Logger, type Metrics } from '@user-stats/http'
import { createAccess } from './modules/access/access.service.ts'
import { createApiKeys } from './modules/api-key/api-key.service.ts'
import { createAudit } from './modules/audit/audit.service.ts'
import { createUndelivered } from './modules/command/undelivered.service.ts'
import { createDelivery } from './outbox/deliver.ts'
import { createEventsClient } from './outbox/events-client.ts'
import { createOutbox } from './outbox/outbox-repository.ts'
import { createCommandSender } from './outbox/send-command.ts'
import { createErasureRepository } from './modules/erasure/erasure.repository.ts'
import { createErasures } from './modules/erasure/erasure.service.ts'
import { createReceiptKeys } from './modules/erasure/receipt-keys.ts'
import { createReceipts } from './modules/erasure/receipt.ts'
import { createStores } from './modules/store/store.service.ts'
import { createSigningKeys } from './modules/token/signing-keys.ts'
import { createTokens } from './modules/token/token.service.ts'
import { createUserRepository } from './modules/user/user.repository.ts'
import { createUsers } from './modules/user/user.service.ts'
import type { MasterKeys } from './vault/master-keys.ts'
import type { Vault } from './vault/vault.ts'

export interface DomainOptions {
  readonly db: Pick<UsersDatabase, 'prisma' | 'pool'>
  readonly masterKeys: MasterKeys
  readonly vault: Vault
  readonly eventsUrl: string
  /** Seconds. */
  readonly tokenLifetime: number
  /** Maximum milliseconds that a request waits for the end of an erasure. */
  readonly maxErasureWait: number
  readonly clock: () => Date
  readonly log: Logger
  readonly metrics: Metrics
}

/** The domain behind the graph, wired. */
export function createDomain({
  db: { prisma, pool },
  masterKeys,
  vault,
  eventsUrl,
  tokenLifetime,
  maxErasureWait,
  clock,
  log,
  metrics,
}: DomainOptions) {
  const access = createAccess({ pool, clock })
  const audit = createAudit({ prisma, clock })
  // Twice the lifetime of a token, to allow for clock differences.
  const keys = createSigningKeys({ prisma, masterKeys, clock, afterlife: 2_000 * tokenLifetime })
  const tokens = createTokens({ prisma, keys, clock, lifetime: tokenLifetime })
  const rows = createUserRepository({ vault, pool })
  const outbox = createOutbox({ prisma, clock })
  const events = createEventsClient({
    url: eventsUrl,
    token: () => tokens.serviceToken(),
    breaker: createPeerBreaker({ peer: 'events', log, metrics }),
  })
  const sendCommand = createCommandSender({ outbox, events, log })
  const accessDelivery = createDelivery({
    queue: 'ACCESS',
    outbox,
    execute: async (command) => {
      await sendCommand(command)
      await outbox.markDelivered(prisma, command)
    },
    log,
  })
  const receiptKeys = createReceiptKeys({ prisma, masterKeys })
  const erasures = createErasures({
    prisma,
    users: rows,
    erasures: createErasureRepository({ prisma, clock }),
    access,
    audit,
    outbox,
    accessDelivery,
    sendCommand,
    receipts: createReceipts({ keys: receiptKeys, blind: vault.blind }),
    maxWait: maxErasureWait,
    clock,
    log,
  })
  const deliveries = { ACCESS: accessDelivery, ERASURE: erasures.delivery }
  return {
    keys,
    receiptKeys,
    events,
    deliveries,
    access,
    audit,
    tokens,
    apiKeys: createApiKeys({ prisma, access, audit, outbox, delivery: accessDelivery, clock }),
    stores: createStores({ prisma, access, audit, outbox, delivery: accessDelivery, clock }),
    users: createUsers({ prisma, rows, access, audit, clock }),
    undelivered: createUndelivered({ prisma, audit, deliveries }),
    erasures,
  }
}
