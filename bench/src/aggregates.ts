import { measure, type Pace } from './load.ts'
import { connect, fill } from './seed.ts'
import type { System } from './system.ts'
import { cellsOf, sampleColumns, type Row, type Section } from './table.ts'

/** The documented aggregates of stores with few, many and very many events. */
export async function aggregates(system: System, pace: Pace, counts: readonly number[]): Promise<Section> {
  const { stack } = system
  await using client = await connect(stack.databases.events.ownerUrl)
  const rows: Row[] = []
  const rates = new Map<string, number[]>()
  for (const count of counts) {
    const { id, token } = await system.openShop(`aggregates ${String(count)}`)
    process.stderr.write(`seeding ${count.toLocaleString('en')} events\n`)
    await fill(client, id, count)
    for (const path of ['amount/visit', 'avg-time/visit', `store-events-amount/${String(id)}`]) {
      const url = `${stack.urls.gateway}/api/event/${path}`
      const answer = (await (
        await fetch(url, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as unknown[]
      if (answer.length !== 50) throw new Error(`${path} answers ${JSON.stringify(answer).slice(0, 200)}`)
      const sample = await measure(
        { url, method: 'GET', headers: { authorization: `Bearer ${token}` }, connections: 16 },
        { gateway: stack.services.gateway.pid, events: stack.services.events.pid },
        pace,
      )
      const name = path.split('/')[0] ?? path
      rates.set(name, [...(rates.get(name) ?? []), sample.rate])
      rows.push([name, count.toLocaleString('en'), ...cellsOf(sample)])
      process.stderr.write(`${name} ${String(count)}: ${cellsOf(sample).join(' | ')}\n`)
    }
  }
  return {
    title: 'Aggregates through the gateway, 16 connections',
    columns: ['aggregate', 'events held', ...sampleColumns],
    rows,
    ratios: [...rates].map(
      ([name, all]) =>
        `${name}, slowest : fastest of ${counts.map((count) => count.toLocaleString('en')).join(', ')} events: **${(Math.min(...all) / Math.max(...all)).toFixed(2)}**`,
    ),
  }
}
