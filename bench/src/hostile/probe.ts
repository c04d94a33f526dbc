import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** Milliseconds, by service. */
export type Held = Readonly<Record<string, number>>

/**
 * Measures how long event loops are blocked while something is done. A process of its own requests the health
 * of each service meanwhile, so that the load generator is not measured.
 *
 * @param urls of the services, by name
 */
export function createProbe(urls: Readonly<Record<string, string>>) {
  const child = fork(join(import.meta.dirname, 'probe-process.ts'))
  return {
    async during(work: () => Promise<unknown>): Promise<Held> {
      child.send({ start: urls })
      await once(child, 'message')
      await work()
      child.send({ stop: true })
      const [held] = (await once(child, 'message')) as [Held]
      return held
    },
    [Symbol.dispose]: () => {
      child.kill()
    },
  }
}

export type Probe = ReturnType<typeof createProbe>

/** The longest of all services. */
export const longestOf = (held: Held): number => Math.max(0, ...Object.values(held))
