import Fastify from 'fastify'

/** A command as the events service receives it. */
export interface Received {
  readonly field: string
  readonly input: Readonly<Record<string, unknown>>
  readonly authorization: string
}

export type EventsDouble = Awaited<ReturnType<typeof startEventsDouble>>

/** A test double of the events service: accepts commands, can be unavailable, and repeats its responses. */
export async function startEventsDouble() {
  const received: Received[] = []
  const waiting: { matches: (command: Received) => boolean; resolve: (command: Received) => void }[] = []
  let away: boolean | 'cut off' = false
  let requestCount = 0
  let deletes = 0
  let refusal: { field: string; code: string } | undefined
  let steps = 1
  const stepsOf = new Map<unknown, number>()
  const app = Fastify()
  app.post('/graphql', async (request, reply) => {
    requestCount += 1
    if (away === 'cut off') return reply.raw.destroy()
    if (away) return reply.code(503).send({ errors: [{ extensions: { code: 'DATABASE_UNAVAILABLE' } }] })
    const { query, variables } = request.body as { query: string; variables: { input: Received['input'] } }
    const command = {
      field: /applied: (\w+)/.exec(query)?.[1] ?? '',
      input: variables.input,
      authorization: request.headers.authorization ?? '',
    }
    received.push(command)
    for (const { matches, resolve } of waiting) if (matches(command)) resolve(command)
    if (refusal?.field === command.field)
      return reply.code(422).send({ errors: [{ extensions: { code: refusal.code } }] })
    if (!query.includes('finished')) return { data: { applied: { eventsDeleted: 0 } } }
    const taken = (stepsOf.get(command.input['commandId']) ?? 0) + 1
    stepsOf.set(command.input['commandId'], taken)
    const done = taken >= steps ? deletes : Math.floor((deletes * taken) / steps)
    const anonymise = command.input['events'] === 'ANONYMISE'
    return {
      data: {
        applied: {
          finished: taken >= steps,
          eventsTotal: deletes,
          eventsDeleted: anonymise ? 0 : done,
          eventsAnonymised: anonymise ? done : 0,
          rows: anonymise ? [{ table: 'user_days', count: 1 }] : [{ table: 'events', count: done }],
        },
      },
    }
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    received,
    /** The number of received requests, including those while unavailable. */
    requestCount: (): number => requestCount,
    /** Unavailable: by its own response, or by broken connections. */
    setAway: (value: boolean | 'cut off'): void => {
      away = value
    },
    /** The number of events that every command deletes from now on. */
    setDeletes: (count: number): void => {
      deletes = count
    },
    /** The number of steps of every erasure from now on. */
    setSteps: (count: number): void => {
      steps = count
    },
    /** Rejects commands of a kind from now on. */
    refuse: (field?: string, code = 'BAD_USER_INPUT'): void => {
      refusal = field === undefined ? undefined : { field, code }
    },
    /** The next command of this kind to arrive. */
    next: (field: string): Promise<Received> =>
      new Promise((resolve) => {
        waiting.push({ matches: (command) => command.field === field, resolve })
      }),
    [Symbol.asyncDispose]: () => app.close(),
  }
}
