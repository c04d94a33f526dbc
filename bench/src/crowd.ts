import { measure, type Pace } from './load.ts'
import { at } from './single.ts'
import type { System } from './system.ts'
import { cellsOf, sampleColumns, type Row, type Section } from './table.ts'

const connections = 1_000

/** A thousand clients at once: slower is right, refused is not. */
export async function crowd(system: System, pace: Pace): Promise<Section> {
  const { stack } = system
  const { token } = await system.openShop('crowd')
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const pids = { gateway: stack.services.gateway.pid, events: stack.services.events.pid }
  const { rest, graphql } = at(stack.urls.gateway)
  const rows: Row[] = []
  let failed = 0
  for (const [name, load] of [
    ['gateway, REST', rest],
    ['gateway, GraphQL', graphql],
  ] as const) {
    const sample = await measure({ ...load, headers, connections }, pids, pace)
    failed += sample.failed
    rows.push([name, connections, ...cellsOf(sample)])
    process.stderr.write(`${name} ${String(connections)}: ${cellsOf(sample).join(' | ')}\n`)
  }
  return {
    title: 'A thousand connections',
    columns: ['way', 'connections', ...sampleColumns],
    rows,
    ratios: [`requests that failed at 1,000 connections: **${String(failed)}**`],
  }
}
