import { catalogue, isErrorCode } from '@user-stats/service'
import { expect } from '@jest/globals'
import type { Answer } from './exchange.ts'

/** Codes that GraphQL itself adds, as documented. */
const documentCodes = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]

/** Longer than any sentence of ours with the name of a member in it. */
const longest = 2_000

/** An answer of a server that could do its work. 503 is deliberate only when the queue is full. */
export function expectServed({ status, text }: Answer): void {
  const deliberate = status === 503 && text.includes('QUEUE_FULL')
  expect(status < 500 || deliberate ? 'served' : `${String(status)} ${text}`).toBe('served')
}

/** A problem document with a code of the catalogue and its status. */
export function expectProblem(answer: Answer): void {
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  const problem = JSON.parse(answer.text)
  expect(problem).toMatchObject({
    type: 'about:blank',
    title: expect.any(String),
    status: answer.status,
    detail: expect.any(String),
    message: problem.detail,
  })
  if (!isErrorCode(problem.code)) throw new Error(`${problem.code} is not in the catalogue`)
  expect(catalogue[problem.code as keyof typeof catalogue].status).toBe(answer.status)
  expect(['undefined', 'string']).toContain(typeof problem.field)
  expect(answer.text.length).toBeLessThan(longest)
}

/** Errors of GraphQL, each with a code that is documented. */
export function expectGraphqlErrors(errors: unknown): void {
  if (!Array.isArray(errors) || errors.length === 0) throw new Error('errors must be a list of some')
  for (const error of errors) {
    expect(
      Object.keys(error).filter((key) => !['message', 'locations', 'path', 'extensions'].includes(key)),
    ).toEqual([])
    expect(typeof error.message).toBe('string')
    expect(error.message.length).toBeLessThan(longest)
    const { code } = error.extensions
    if (!isErrorCode(code) && !documentCodes.includes(code))
      throw new Error(`${code} is not in the catalogue`)
    // Everything is up: nothing is away, and nothing goes wrong.
    if (isErrorCode(code) && code !== 'QUEUE_FULL')
      expect({ code, served: catalogue[code].status < 500 }).toEqual({ code, served: true })
  }
}
