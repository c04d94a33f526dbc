import Fastify from 'fastify'

/** A command as the events service receives it. */
export interface Received {
  readonly field: string
  readonly input: Readonly<Record<string, unknown>>
  readonly authorization: string
}

export type EventsDouble = Awaited<ReturnType<typeof startEventsDouble>>

/** A counterpart of the events service: takes commands as it does, can be away, and repeats its answers. */
export async function startEventsDouble() {
  const received: Received[] = []
  const waiting: { matches: (command: Received) => boolean; resolve: (command: Received) => void }[] = []
  let away = false
  let deletes = 0
  const app = Fastify()
  app.post('/graphql', async (request, reply) => {
    if (away) return reply.code(503).send({ errors: [{ extensions: { code: 'DATABASE_UNAVAILABLE' } }] })
    const { query, variables } = request.body as { query: string; variables: { input: Received['input'] } }
    const command = {
      field: /applied: (\w+)/.exec(query)?.[1] ?? '',
      input: variables.input,
      authorization: request.headers.authorization ?? '',
    }
    received.push(command)
    for (const { matches, resolve } of waiting) if (matches(command)) resolve(command)
    return { data: { applied: { eventsDeleted: deletes } } }
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    received,
    setAway: (value: boolean): void => {
      away = value
    },
    /** How many events every command has deleted from now on. */
    setDeletes: (count: number): void => {
      deletes = count
    },
    /** The next command of this kind to arrive. */
    next: (field: string): Promise<Received> =>
      new Promise((resolve) => {
        waiting.push({ matches: (command) => command.field === field, resolve })
      }),
    [Symbol.asyncDispose]: () => app.close(),
  }
}
