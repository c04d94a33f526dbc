import { call, type LegacyAnswer } from '../../support/legacy-client.ts'
import { sendUntilAcknowledged } from './send-until-acknowledged.ts'

export interface LoadOptions {
  readonly gateway: string
  readonly token: string
  readonly random: () => number
}

/** What has been acknowledged to steady clients. */
export interface Ledger {
  /** Idempotency keys of acknowledged events, with the event's id where the answer names it. */
  readonly events: Map<string, number | undefined>
  /** Users whose data was deleted, acknowledged, after their last event. */
  readonly deleted: Set<string>
  /** Idempotency keys of their events. */
  readonly deletedKeys: Set<string>
}

export type Client = (name: string, stopped: () => boolean) => Promise<void>

const ndjson = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

/** Steady clients of each kind. All repeat unacknowledged requests, with the same idempotency keys. */
export function createClients({ gateway, token, random }: LoadOptions, ledger: Ledger) {
  const pick = (count: number): number => Math.floor(random() * count)
  const eventOf = (key: string, userId = `user ${String(pick(7))}`) => ({
    type: `type ${String(pick(3))}`,
    userId,
    data: { key },
  })
  const graphql = (query: string, variables: object): Promise<LegacyAnswer> =>
    call(gateway, 'POST', '/graphql', { token, body: { query, variables } })
  const remember = (key: string, id: unknown): void => {
    ledger.events.set(key, id === undefined ? undefined : Number(id))
  }

  async function recordByRest(key: string, userId?: string): Promise<number> {
    const { type, data, userId: user } = eventOf(key, userId)
    const body = { type, user_id: user, data }
    const headers = { 'idempotency-key': key }
    const { body: event } = await sendUntilAcknowledged(
      () => call(gateway, 'POST', '/api/event', { token, body, headers }),
      ({ status }) => status === 201,
    )
    return event.id as number
  }

  const rest: Client = async (name, stopped) => {
    for (let n = 0; !stopped(); n += 1) {
      const key = `${name} ${String(n)}`
      remember(key, await recordByRest(key))
    }
  }

  const single: Client = async (name, stopped) => {
    for (let n = 0; !stopped(); n += 1) {
      const key = `${name} ${String(n)}`
      const input = { ...eventOf(key), idempotencyKey: key }
      const { body } = await sendUntilAcknowledged(
        () =>
          graphql('mutation($input: RecordEventInput!) { recordEvent(input: $input) { event { id } } }', {
            input,
          }),
        (answer) => answer.body.data?.recordEvent != null,
      )
      remember(key, body.data.recordEvent.event.id)
    }
  }

  const bulk: Client = async (name, stopped) => {
    for (let n = 0; !stopped(); n += 1) {
      const keys = Array.from({ length: 1 + pick(40) }, (_, at) => `${name} ${String(n)} ${String(at)}`)
      const events = keys.map((key) => ({ ...eventOf(key), idempotencyKey: key }))
      const results = await sendUntilAcknowledged(
        () =>
          graphql(
            'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { results { event { id } error { code } } } }',
            { input: { events } },
          ),
        // Each event has an outcome of its own; after a failure all are sent again.
        ({ body }) => body.data?.recordEvents?.results.every((result: any) => result.event !== null) === true,
      )
      for (const [at, { event }] of results.body.data.recordEvents.results.entries())
        remember(keys[at] ?? '', event.id)
    }
  }

  const stream: Client = async (name, stopped) => {
    for (let n = 0; !stopped(); n += 1) {
      const keys = Array.from({ length: 1 + pick(1_500) }, (_, at) => `${name} ${String(n)} ${String(at)}`)
      const body = ndjson(
        keys.map((key) => {
          const { userId, ...event } = eventOf(key)
          return { ...event, user_id: userId, idempotency_key: key }
        }),
      )
      await sendUntilAcknowledged(
        () => sendStream(body),
        ({ status, body: report }) =>
          status === 200 &&
          Number(report.accepted) + Number(report.duplicate) === keys.length &&
          report.rejected === 0,
      )
      for (const key of keys) remember(key, undefined)
    }
  }

  async function sendStream(body: string): Promise<LegacyAnswer> {
    const response = await fetch(`${gateway}/api/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      body,
    })
    const { status, headers } = response
    return { status, headers, contentType: 'application/json', body: await response.json() }
  }

  /** Records events of a visitor, then deletes them all. */
  const deleting: Client = async (name, stopped) => {
    for (let n = 0; !stopped(); n += 1) {
      const user = `${name} ${String(n)}`
      for (let at = 0; at < 3; at += 1) {
        const key = `${user} ${String(at)}`
        await recordByRest(key, user)
        ledger.deletedKeys.add(key)
      }
      const { body } = await sendUntilAcknowledged(
        () =>
          graphql(
            'mutation($input: DeleteUserEventsInput!) { deleteUserEvents(input: $input) { deletedCount } }',
            { input: { userId: user } },
          ),
        (answer) => answer.body.data?.deleteUserEvents != null,
      )
      if (body.data.deleteUserEvents.deletedCount > 3) throw new Error('more was deleted than there was')
      ledger.deleted.add(user)
    }
  }

  /** Registers a user, records events, then erases the user. */
  const erasing: Client = async (name, stopped) => {
    for (let n = 0; !stopped(); n += 1) {
      const email = `${name}-${String(n)}@example.org`.replaceAll(' ', '-')
      const person = { email, username: email, first_name: 'A', last_name: 'B', phone: 1 }
      // Registered already by a request whose response was lost: 409.
      await sendUntilAcknowledged(
        () => call(gateway, 'POST', '/api/user', { token, body: person }),
        ({ status }) => status === 201 || status === 409,
      )
      const found = await sendUntilAcknowledged(
        () => call(gateway, 'GET', `/api/user/${email}`, { token }),
        ({ status }) => status === 200,
      )
      const id = found.body.id as string
      for (let at = 0; at < 3; at += 1) {
        const key = `${email} ${String(at)}`
        await recordByRest(key, id)
        ledger.deletedKeys.add(key)
      }
      // Erased already by a request whose response was lost: 404.
      await sendUntilAcknowledged(
        () => call(gateway, 'DELETE', `/api/user/${id}`, { token }),
        ({ status }) => status === 200 || status === 404,
      )
      ledger.deleted.add(id)
    }
  }

  return { rest, single, bulk, stream, deleting, erasing }
}
