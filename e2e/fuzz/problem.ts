import { catalogue, isErrorCode } from '@user-stats/core'
import { expect } from '@jest/globals'
import type { Answer } from './exchange.ts'

/** Codes that GraphQL itself adds, as documented. */
const documentCodes = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]

/** Longer than our message about twenty invalid members, with the name of each. */
const longest = 20_000

/** The error of an overloaded service: the only 503 while everything is running. */
const deliberate = new Set(['QUEUE_FULL', 'OVERLOADED'])

/** Checks that a response is a result, a deliberate refusal, or a 503 with Retry-After. */
export function expectServed({ status, text, headers }: Answer): void {
  if (status < 500) return
  const codes = codesOf(text)
  const refused = status === 503 && codes.length > 0 && codes.every((code) => deliberate.has(code))
  expect(refused ? 'served' : `${String(status)} ${text}`).toBe('served')
  expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
}

/** The codes of a problem document or of GraphQL's errors. */
function codesOf(text: string): readonly string[] {
  try {
    const { code, errors = [] } = JSON.parse(text)
    return code === undefined ? errors.map(({ extensions }: any) => extensions?.code) : [code]
  } catch {
    return []
  }
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
    if (isErrorCode(code) && !deliberate.has(code))
      expect({ code, served: catalogue[code].status < 500 }).toEqual({ code, served: true })
  }
}
