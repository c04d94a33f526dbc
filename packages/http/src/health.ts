import type { FastifyInstance } from 'fastify'

/** What must work for a service to be ready, by name; a check rejects when it does not. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>

const deadline = 2_000

async function passes(check: () => Promise<void>): Promise<boolean> {
  try {
    await Promise.race([
      check(),
      new Promise((_resolve, reject) => setTimeout(reject, deadline, new Error('deadline')).unref()),
    ])
    return true
  } catch {
    return false
  }
}

/** `GET /health/live`: the process answers. `GET /health/ready`: it can do its work; 503 says what is missing. */
export function registerHealth(
  app: FastifyInstance,
  checks: ReadinessChecks,
  drain: { readonly stopping: boolean },
): void {
  app.get('/health/live', () => ({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await passes(check)] as const),
    )
    const ready = !drain.stopping && results.every(([, passed]) => passed)
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'ok' : drain.stopping ? 'stopping' : 'unavailable',
      checks: Object.fromEntries(results.map(([name, passed]) => [name, passed ? 'ok' : 'unavailable'])),
    })
  })
}
