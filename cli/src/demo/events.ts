import { createRandom, type Random } from './random.ts'
import type { Product, Shop } from './shops.ts'

/** An event as `POST /api/events` takes it. */
export interface DemoEvent {
  readonly type: string
  readonly user_id: string
  readonly data: Readonly<Record<string, string | number | null>>
  readonly occurred_at: string
}

const day = 86_400_000
const minute = 60_000

/** Visits by day of the week, from Sunday. */
const weekdays = [1.12, 0.96, 0.93, 0.97, 1, 1.06, 0.9]
/** Visits by hour of the day, in UTC. */
const hours = [2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 11, 12, 11, 10, 10, 11, 13, 16, 18, 17, 12, 7, 4]
const hourWeights = Object.fromEntries(hours.map((weight, hour) => [String(hour), weight]))
const dollars = new Set(['US', 'CA', 'GB', 'AU'])

interface Visitor {
  readonly id: string
  readonly country: string
  readonly device: string
}

/**
 * The events of a shop, oldest first day first: its visits follow the week, grow slowly and rise with
 * campaigns; some visitors come back, some become customers. The same seed, days and end make the same
 * events.
 *
 * @param customers ids of registered users, who come back most
 * @param until events after this instant are left out
 */
export function* eventsOf(
  shop: Shop,
  { customers, days, until }: { customers: readonly string[]; days: number; until: Date },
): Generator<DemoEvent> {
  const random = createRandom(shop.seed)
  const first = Math.floor(until.getTime() / day) - days + 1
  const visitor = (id: string): Visitor => ({
    id,
    country: random.weighted(shop.countries),
    device: random.weighted({ phone: 58, desktop: 36, tablet: 6 }),
  })
  const known = customers.map(visitor)
  const passing: Visitor[] = []

  for (let at = 0; at < days; at += 1) {
    const start = (first + at) * day
    const campaign = shop.campaigns.find((one) => at >= one.first && at <= one.last)?.name
    const weekday = weekdays[new Date(start).getUTCDay()] ?? 1
    const growth = 1 + at * 0.004
    const visits = shop.visits * weekday * growth * (campaign === undefined ? 1 : 1.6)
    for (let n = 0; n < visits * (0.94 + random.next() * 0.12); n += 1) {
      const who = chooseVisitor(random, known, passing, () =>
        visitor(`visitor-${String(shop.seed)}-${String(passing.length + 1)}`),
      )
      const time = start + Number(random.weighted(hourWeights)) * 60 * minute + random.integer(60 * minute)
      const source = campaign !== undefined && random.chance(0.45) ? campaign : 'none'
      for (const event of visitOf(random, shop, who, time, source))
        if (event.occurred_at < until.toISOString()) yield event
    }
  }
}

/** A customer, a recent visitor, or a new one. */
function chooseVisitor(random: Random, known: Visitor[], passing: Visitor[], add: () => Visitor): Visitor {
  if (random.chance(0.3) && known.length > 0) return random.pick(known)
  if (random.chance(0.35) && passing.length > 0)
    return random.pick(passing.slice(-Math.max(50, Math.floor(passing.length * 0.2))))
  const added = add()
  passing.push(added)
  return added
}

/** One visit: some views, perhaps a search, a cart, a checkout and a purchase. */
function* visitOf(
  random: Random,
  shop: Shop,
  who: Visitor,
  time: number,
  campaign: string,
): Generator<DemoEvent> {
  let now = time
  const currency = dollars.has(who.country) ? 'USD' : 'EUR'
  const event = (type: string, more: DemoEvent['data'] = {}): DemoEvent => {
    now += random.integer(3 * minute) + 2_000
    const data = { country: who.country, device: who.device, campaign, ...more }
    return { type, user_id: who.id, data, occurred_at: new Date(now).toISOString() }
  }
  const about = ({ name, category, price }: Product) => ({ product: name, category, price, currency })

  yield event('visit')
  if (random.chance(0.22)) yield event('search', { category: random.pick(shop.products).category })
  let chosen = random.pick(shop.products)
  for (let views = 1 + random.integer(5); views > 0; views -= 1) {
    chosen = random.chance(0.35) ? chosen : random.pick(shop.products)
    yield event('view', about(chosen))
  }
  if (!random.chance(campaign === 'none' ? 0.2 : 0.28)) return
  yield event('add_to_cart', about(chosen))
  if (!random.chance(0.62)) return
  yield event('checkout', { currency })
  if (!random.chance(who.device === 'phone' ? 0.66 : 0.78)) return
  const quantity = chosen.price < 50 ? 1 + random.integer(4) : 1
  const value = Math.round(chosen.price * quantity * (campaign === 'none' ? 1 : 0.85) * 100) / 100
  yield event('purchase', { ...about(chosen), quantity, value })
  if (random.chance(0.12)) yield event('newsletter_signup')
}
