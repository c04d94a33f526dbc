import { readEvents, readKeys, assertUserExists, type ExecuteAsCaller, type ExportedUser } from './queries.ts'

/**
 * Yields everything stored about a user as the text of one JSON object, a page at a time:
 *
 *     {"format": "user-statistics/user-export/1", "startedAt": …, "user": {…},
 *      "events": [{…}, …], "idempotencyKeys": [{…}, …],
 *      "counts": {"events": 2, "idempotencyKeys": 1}, "complete": true}
 *
 * `complete` is last, after a check that the user still exists: an export that is cut off is not valid JSON.
 * Each page is a query of its own. Events recorded before `startedAt` are included once; those recorded or
 * deleted during the export may or may not be.
 *
 * @throws USER_NOT_FOUND when the user is erased during the export, and any error of a page
 */
export async function* streamExport(
  execute: ExecuteAsCaller,
  user: ExportedUser,
  startedAt: Date,
): AsyncGenerator<string> {
  yield `{"format":"user-statistics/user-export/1","startedAt":${JSON.stringify(startedAt)},\n"user":${JSON.stringify(user)},\n`
  const events = yield* list('events', readEvents(execute, user))
  const idempotencyKeys = yield* list('idempotencyKeys', readKeys(execute, user))
  await assertUserExists(execute, user.id)
  yield `"counts":${JSON.stringify({ events, idempotencyKeys })},\n"complete":true}\n`
}

/** Yields an array member with one element per line. @returns the number of elements */
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
