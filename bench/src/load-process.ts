import { createRequire } from 'node:module'

// In a process of its own: measuring must not slow down the load.
const autocannon = createRequire(import.meta.url)('autocannon') as (
  options: unknown,
) => Promise<AutocannonResult>

interface AutocannonResult {
  readonly '2xx': number
  readonly non2xx: number
  readonly errors: number
  readonly timeouts: number
  readonly duration: number
  readonly latency: { readonly p50: number; readonly p99: number }
}

interface Options {
  readonly bodies?: readonly string[]
}

interface Client {
  readonly setRequests: (requests: readonly { readonly body: string }[]) => void
}

process.on('message', ({ bodies, ...options }: Options) => {
  const requests = bodies?.map((body) => ({ body }))
  // Each connection starts at another item: in step they would request the same at the same time.
  const setupClient = (client: Client): void => {
    if (requests === undefined) return
    const from = Math.floor(Math.random() * requests.length)
    client.setRequests([...requests.slice(from), ...requests.slice(0, from)])
  }
  void autocannon({ ...options, setupClient }).then((result) => {
    process.send?.({
      answered: result['2xx'],
      failed: result.non2xx + result.errors + result.timeouts,
      seconds: result.duration,
      p50: result.latency.p50,
      p99: result.latency.p99,
    })
    process.disconnect()
  })
})
