import { DomainError } from '@user-stats/core'

/** Runs one operation of the graph, as the caller. @throws DomainError of the operation's first error */
export type Ask = (operation: string, variables: Readonly<Record<string, unknown>>) => Promise<unknown>

/** A user as the graph shows one, and the store that holds them. */
export interface ExportedUser {
  readonly id: string
  readonly store: { readonly id: number }
}

interface Page {
  readonly nodes: readonly object[]
  readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean }
}

const userOperation = `query ExportUser($id: ID!) {
  exportUser(id: $id) {
    user {
      id email username firstName lastName phone externalId createdAt updatedAt
      store { id name }
    }
  }
}`

const stillThereOperation = `query ExportedUserIsThere($id: ID!) {
  user(id: $id) { id }
}`

const eventsOperation = `query ExportEvents($storeId: Int!, $userId: String!, $first: Int!, $after: String, $to: DateTime) {
  events(storeId: $storeId, userId: $userId, first: $first, after: $after, to: $to) {
    nodes { id type data occurredAt createdAt }
    pageInfo { endCursor hasNextPage }
  }
}`

const keysOperation = `query ExportIdempotencyKeys($storeId: Int!, $userId: String!, $first: Int!, $after: String) {
  idempotencyKeys(storeId: $storeId, userId: $userId, first: $first, after: $after) {
    nodes { key eventId createdAt }
    pageInfo { endCursor hasNextPage }
  }
}`

/** @throws USER_NOT_FOUND and refusals of access */
export async function readUser(ask: Ask, id: string): Promise<ExportedUser> {
  const { exportUser } = (await ask(userOperation, { id })) as { exportUser: { user: ExportedUser } }
  return exportUser.user
}

/** Not another export: one leaves one entry in the audit log. @throws USER_NOT_FOUND when the user is gone meanwhile */
export async function requireStillThere(ask: Ask, id: string): Promise<void> {
  const { user } = (await ask(stillThereOperation, { id })) as { user: object | null }
  if (user === null) throw new DomainError('USER_NOT_FOUND')
}

const firstPage = 200
const largestPage = 2_000
/** Characters of a page that are aimed at: data of an event may be as small as nothing and as large as 64 KiB. */
const pageLength = 1_000_000

/** A user's events, newest first, in pages of about a megabyte. */
export async function* readEvents(ask: Ask, { id, store }: ExportedUser): AsyncGenerator<readonly string[]> {
  let first = firstPage
  let after: string | null = null
  let to: string | null = null
  for (;;) {
    const { events } = (await ask(eventsOperation, { storeId: store.id, userId: id, first, after, to })) as {
      events: Page
    }
    const texts = events.nodes.map((node) => JSON.stringify(node))
    yield texts
    if (!events.pageInfo.hasNextPage) return
    after = events.pageInfo.endCursor
    // Spares the database the months that have been read.
    to = afterInstant(events.nodes.at(-1))
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    first = Math.min(largestPage, Math.max(1, Math.floor((pageLength * texts.length) / length)))
  }
}

/** The instant a millisecond after an event, in which no earlier event happened. */
const afterInstant = (event: object | undefined): string | null =>
  event !== undefined && 'occurredAt' in event
    ? new Date(Date.parse(String(event.occurredAt)) + 1).toISOString()
    : null

/** Idempotency keys of a user's events that are still remembered. */
export async function* readKeys(ask: Ask, { id, store }: ExportedUser): AsyncGenerator<readonly string[]> {
  let after: string | null = null
  for (;;) {
    const { idempotencyKeys } = (await ask(keysOperation, {
      storeId: store.id,
      userId: id,
      first: 1_000,
      after,
    })) as { idempotencyKeys: Page }
    yield idempotencyKeys.nodes.map((node) => JSON.stringify(node))
    if (!idempotencyKeys.pageInfo.hasNextPage) return
    after = idempotencyKeys.pageInfo.endCursor
  }
}
