import { postLines } from './ndjson.ts'
import { peakOf } from './process.ts'
import type { System } from './system.ts'
import type { Section } from './table.ts'

/** Very many events in one request through the gateway: how fast, and in how much memory. */
export async function stream(system: System, count: number): Promise<Section> {
  const { stack } = system
  const { token } = await system.openShop('stream')
  const began = performance.now()
  await postLines(stack.urls.gateway, token, count)
  const rate = count / ((performance.now() - began) / 1_000)
  const peak = peakOf(stack.services.events.pid)
  const gateway = peakOf(stack.services.gateway.pid)
  process.stderr.write(`streamed: ${rate.toFixed(0)} events/s, events ${peak.toFixed(0)} MB\n`)
  const total = count.toLocaleString('en')
  return {
    title: 'One request with very many events',
    columns: ['events', 'events/s', 'peak MB'],
    rows: [
      [
        total,
        Math.round(rate).toLocaleString('en'),
        `gateway ${gateway.toFixed(0)}, events ${peak.toFixed(0)}`,
      ],
    ],
    ratios: [
      `events service while ${total} events stream in (below 300 MB is wanted): **${peak.toFixed(0)} MB**`,
    ],
  }
}
