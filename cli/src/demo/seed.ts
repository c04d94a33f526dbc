import { createClient, type Client } from './client.ts'
import { eventsOf } from './events.ts'
import { createRandom } from './random.ts'
import { shops, type Shop } from './shops.ts'

/** What was made, and the keys to see it with. */
export interface Demo {
  readonly stores: readonly { readonly id: number; readonly name: string; readonly storeKey: string }[]
  readonly analystKey: string
  readonly allStoresAnalystKey: string
}

export interface SeedOptions {
  readonly gatewayUrl: string
  readonly adminApiKey: string
  readonly days?: number
  readonly now?: Date
  /** How much is done, from 0 to 1. */
  readonly onProgress?: (share: number) => void
}

const analystPaths = [
  'value',
  'price',
  'quantity',
  'currency',
  'country',
  'device',
  'campaign',
  'product',
  'category',
]

const firstNames = [
  'Ada',
  'Ben',
  'Cleo',
  'Dara',
  'Emil',
  'Finn',
  'Greta',
  'Hugo',
  'Ines',
  'Jonas',
  'Karla',
  'Lena',
]
const lastNames = [
  'Adler',
  'Berg',
  'Castro',
  'Dietrich',
  'Evans',
  'Fischer',
  'Grant',
  'Huber',
  'Ivanov',
  'Jansen',
]

const customersOfAShop = 400
const eventsOfARequest = 5_000

/** Fills an empty system with two shops: customers, keys, and the events of so many days. */
export async function seedDemo({
  gatewayUrl,
  adminApiKey,
  days = 90,
  now = new Date(),
  onProgress = () => undefined,
}: SeedOptions): Promise<Demo> {
  const admin = await createClient(gatewayUrl, adminApiKey)
  const stores: Demo['stores'][number][] = []
  for (const [at, shop] of shops.entries()) {
    const { store, secret } = await admin.createStore(shop.name)
    await admin.openPaths(
      store.id,
      analystPaths.map((name) => `$.${name}`),
    )
    stores.push({ ...store, storeKey: secret })
    const client = await createClient(gatewayUrl, secret)
    const customers = await client.createUsers(customersOf(shop))
    await record(client, shop, { customers, days, until: now }, (share) => {
      onProgress((at + share) / shops.length)
    })
  }
  return {
    stores,
    analystKey: await admin.createAnalyst('Demo analyst of one store', stores[0]?.id),
    allStoresAnalystKey: await admin.createAnalyst('Demo analyst of all stores'),
  }
}

function customersOf({ seed }: Shop) {
  const random = createRandom(seed + 100)
  return Array.from({ length: customersOfAShop }, (_, at) => {
    const [firstName, lastName] = [random.pick(firstNames), random.pick(lastNames)]
    const email = `${firstName}.${lastName}.${String(at + 1)}@example.org`.toLowerCase()
    return { email, firstName, lastName }
  })
}

type EventsOptions = Parameters<typeof eventsOf>[1]

async function record(
  client: Client,
  shop: Shop,
  options: EventsOptions,
  onProgress: (share: number) => void,
) {
  const start = options.until.getTime() - options.days * 86_400_000
  let lines: string[] = []
  const flush = async (): Promise<void> => {
    await client.recordEvents(lines)
    lines = []
  }
  for (const event of eventsOf(shop, options)) {
    lines.push(JSON.stringify(event))
    if (lines.length < eventsOfARequest) continue
    await flush()
    onProgress((Date.parse(event.occurred_at) - start) / (options.days * 86_400_000))
  }
  if (lines.length > 0) await flush()
  onProgress(1)
}
