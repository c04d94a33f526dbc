import { expect, test } from '@jest/globals'
import { eventsOf } from '../src/demo/events.ts'
import { shops } from '../src/demo/shops.ts'

const options = { customers: ['c-1', 'c-2', 'c-3'], days: 20, until: new Date('2026-11-23T12:00:00Z') }

test.each(shops.map((shop) => [shop.name, shop] as const))(
  '%s: the same seed makes the same events, none in the future',
  (_name, shop) => {
    const events = [...eventsOf(shop, options)]
    expect([...eventsOf(shop, options)]).toEqual(events)
    expect(events.length).toBeGreaterThan(15_000)
    expect(events.every(({ occurred_at }) => occurred_at < '2026-11-23T12:00:00')).toBe(true)
    const count = (type: string) => events.filter((event) => event.type === type).length
    const funnel = ['view', 'add_to_cart', 'checkout', 'purchase'].map(count)
    expect(funnel.toSorted((a, b) => b - a)).toEqual(funnel)
    expect(new Set(events.map(({ data }) => data['currency']).filter(Boolean))).toEqual(
      new Set(['EUR', 'USD']),
    )
  },
)
