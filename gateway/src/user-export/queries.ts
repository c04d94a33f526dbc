import { DomainError } from '@user-stats/core'

/** Executes an operation on the graph as the caller. @throws DomainError of the operation's first error */
export type ExecuteAsCaller = (
  operation: string,
  variables: Readonly<Record<string, unknown>>,
) => Promise<unknown>

/** A user as the graph returns one, with its store. */
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

const userExistsOperation = `query ExportedUserIsThere($id: ID!) {
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

/** @throws USER_NOT_FOUND, and errors of missing permission */
export async function readUser(execute: ExecuteAsCaller, id: string): Promise<ExportedUser> {
  const { exportUser } = (await execute(userOperation, { id })) as { exportUser: { user: ExportedUser } }
  return exportUser.user
}

/**
 * Does not call `exportUser` again, which would add a second entry to the audit log. @throws USER_NOT_FOUND
 */
export async function assertUserExists(execute: ExecuteAsCaller, id: string): Promise<void> {
  const { user } = (await execute(userExistsOperation, { id })) as { user: object | null }
  if (user === null) throw new DomainError('USER_NOT_FOUND')
}

const firstPageSize = 200
const maxPageSize = 2_000
/** Characters aimed at per page: the data of an event has between 2 and 64 Ki characters. */
const targetPageLength = 1_000_000

/** A user's events, newest first, in pages of about a megabyte. */
export async function* readEvents(
  execute: ExecuteAsCaller,
  { id, store }: ExportedUser,
): AsyncGenerator<readonly string[]> {
  let first = firstPageSize
  let after: string | null = null
  let to: string | null = null
  for (;;) {
    const { events } = (await execute(eventsOperation, {
      storeId: store.id,
      userId: id,
      first,
      after,
      to,
    })) as {
      events: Page
    }
    const texts = events.nodes.map((node) => JSON.stringify(node))
    yield texts
    if (!events.pageInfo.hasNextPage) return
    after = events.pageInfo.endCursor
    // Lets the database skip the partitions that have been read.
    to = afterInstant(events.nodes.at(-1))
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    first = Math.min(maxPageSize, Math.max(1, Math.floor((targetPageLength * texts.length) / length)))
  }
}

/** One millisecond after an event: an exclusive bound that includes all earlier events. */
const afterInstant = (event: object | undefined): string | null =>
  event !== undefined && 'occurredAt' in event
    ? new Date(Date.parse(String(event.occurredAt)) + 1).toISOString()
    : null

/** The idempotency keys of a user's events that have not expired. */
export async function* readKeys(
  execute: ExecuteAsCaller,
  { id, store }: ExportedUser,
): AsyncGenerator<readonly string[]> {
  let after: string | null = null
  for (;;) {
    const { idempotencyKeys } = (await execute(keysOperation, {
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
