import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { cpuOf, peakOf } from './process.ts'

export interface Load {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Bodies to be sent in turn, in place of one. */
  readonly bodies?: readonly string[]
  readonly connections: number
}

/** Processes by the name they have in the table. */
export type Pids = Readonly<Record<string, number | undefined>>

export interface Sample {
  /** Requests answered with 2xx, a second. */
  readonly rate: number
  readonly failed: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of CPU a request, by process. */
  readonly cpu: Readonly<Record<string, number>>
  /** Megabytes at most, by process, since it started. */
  readonly peak: Readonly<Record<string, number>>
}

export interface Pace {
  readonly seconds: number
  readonly repeats: number
}

interface Answer {
  readonly answered: number
  readonly failed: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
}

async function fire(load: Load, seconds: number): Promise<Answer> {
  const child = fork(join(import.meta.dirname, 'load-process.ts'))
  child.send({ method: 'POST', ...load, duration: seconds, timeout: 30 })
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

async function sample(load: Load, pids: Pids, seconds: number): Promise<Sample> {
  const before = Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid)] as const)
  const { answered, failed, seconds: took, p50, p99 } = await fire(load, seconds)
  const cpu = before.map(
    ([name, was]) => [name, ((cpuOf(pids[name]) - was) * 1e6) / (answered + failed)] as const,
  )
  return {
    rate: answered / took,
    failed,
    p50,
    p99,
    cpu: Object.fromEntries(cpu),
    peak: Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, peakOf(pid)])),
  }
}

export interface Contestant {
  readonly load: Load
  readonly pids: Pids
}

/** Loads after a warm-up, several times; the run in the middle by rate counts. */
export async function measure(load: Load, pids: Pids, pace: Pace): Promise<Sample> {
  const [sample] = await measureInTurns([{ load, pids }], pace)
  if (sample === undefined) throw new Error('nothing was measured')
  return sample
}

/**
 * Loads several ways in turns, so that none finds services warmer, or tables larger, than another.
 *
 * @returns in the order given
 */
export async function measureInTurns(
  contestants: readonly Contestant[],
  { seconds, repeats }: Pace,
): Promise<Sample[]> {
  const samples = contestants.map((): Sample[] => [])
  for (const { load } of contestants) await fire(load, 2)
  for (let round = 0; round < repeats; round += 1)
    for (const [at, { load, pids }] of contestants.entries())
      samples[at]?.push(await sample(load, pids, seconds))
  return samples.map((list) => {
    const middle = list.toSorted((a, b) => a.rate - b.rate)[list.length >> 1]
    if (middle === undefined) throw new Error('nothing was measured')
    return { ...middle, failed: list.reduce((sum, { failed }) => sum + failed, 0) }
  })
}
