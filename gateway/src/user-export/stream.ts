import { readEvents, readKeys, requireStillThere, type Ask, type ExportedUser } from './queries.ts'

/**
 * Everything held about a user as the text of one JSON object, in pieces of about a page:
 *
 *     {"format": "user-statistics/user-export/1", "startedAt": …, "user": {…},
 *      "events": [{…}, …], "idempotencyKeys": [{…}, …],
 *      "counts": {"events": 2, "idempotencyKeys": 1}, "complete": true}
 *
 * `complete` comes last, after the user was found to be there still: a text that breaks off is no JSON, and none of it
 * passes for the whole. Each page is read for itself. Events recorded before `startedAt` are in it, once; those
 * recorded or deleted meanwhile may or may not be.
 *
 * @throws (while it is read) USER_NOT_FOUND when the user is erased meanwhile, and whatever reading a page may throw
 */
export async function* documentOf(ask: Ask, user: ExportedUser, startedAt: Date): AsyncGenerator<string> {
  yield `{"format":"user-statistics/user-export/1","startedAt":${JSON.stringify(startedAt)},\n"user":${JSON.stringify(user)},\n`
  const events = yield* list('events', readEvents(ask, user))
  const idempotencyKeys = yield* list('idempotencyKeys', readKeys(ask, user))
  await requireStillThere(ask, user.id)
  yield `"counts":${JSON.stringify({ events, idempotencyKeys })},\n"complete":true}\n`
}

/** A member that is an array, a line an element. @returns how many there were */
async function* list(name: string, pages: AsyncIterable<readonly string[]>): AsyncGenerator<string, number> {
  let count = 0
  yield `"${name}":[`
  for await (const texts of pages) {
    if (texts.length > 0) yield `${count === 0 ? '\n' : ',\n'}${texts.join(',\n')}`
    count += texts.length
  }
  yield '],\n'
  return count
}
