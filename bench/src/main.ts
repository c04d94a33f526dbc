import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { aggregates } from './aggregates.ts'
import { analyses } from './analyses.ts'
import { bulk } from './bulk.ts'
import { cross } from './cross.ts'
import { crowd } from './crowd.ts'
import { fairness } from './fairness.ts'
import { hostile } from './hostile/hostile.ts'
import { single } from './single.ts'
import { stream } from './stream.ts'
import { startSystem, type System } from './system.ts'
import { toMarkdown, type Section } from './table.ts'
import type { Pace } from './load.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'single,crowd,bulk,stream,aggregates,cross,fairness,hostile' },
    seconds: { type: 'string', default: '5' },
    repeats: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,16,64,256' },
    events: { type: 'string', default: '10000,1000000,10000000' },
    stream: { type: 'string', default: '5000000' },
    analyses: { type: 'string', default: '1000000' },
    match: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
})
const numbers = (list: string): number[] => list.split(',').map(Number)
const pace: Pace = { seconds: Number(values.seconds), repeats: Number(values.repeats) }

const parts: Readonly<Record<string, (system: System) => Promise<Section>>> = {
  single: (system) => single(system, pace, numbers(values.connections)),
  crowd: (system) => crowd(system, pace),
  bulk: (system) => bulk(system, pace),
  stream: (system) => stream(system, Number(values.stream)),
  aggregates: (system) => aggregates(system, pace, numbers(values.events)),
  analyses: (system) => analyses(system, Number(values.analyses)),
  cross: (system) => cross(system, pace),
  fairness: (system) => fairness(system, pace),
  hostile: (system) => hostile(system, new RegExp(values.match)),
}

const wanted = values.only.split(',')
for (const name of wanted)
  if (!Object.hasOwn(parts, name))
    throw new Error(`--only ${name}: expected some of ${Object.keys(parts).join(', ')}`)

const sections: Section[] = []
const before = loadavg()[0]?.toFixed(1) ?? '?'
for (const name of wanted) {
  // Each part on data of its own: none is slower for what another has written.
  await using system = await startSystem()
  const section = await parts[name]?.(system)
  if (section) sections.push(section)
}
const conditions = `${new Date().toISOString().slice(0, 16)}Z, ${String(cpus().length)} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}; load average before: ${before}; ${values.seconds} s a run, median of ${values.repeats}.`
const text = `${conditions}\n\n${toMarkdown(sections)}`
process.stdout.write(`${text}\n`)

if (values.write) {
  const readme = join(import.meta.dirname, '../README.md')
  const [head] = readFileSync(readme, 'utf8').split('<!-- last table -->')
  writeFileSync(readme, `${head ?? ''}<!-- last table -->\n\n${text}\n`)
}
