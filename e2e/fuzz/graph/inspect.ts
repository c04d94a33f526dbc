import { expect } from '@jest/globals'
import type { GraphQLSchema } from 'graphql'
import type { Answer } from '../exchange.ts'
import { expectGraphqlErrors, expectProblem, expectServed } from '../problem.ts'
import type { Verdict } from '../session.ts'
import { faultIn } from './conformity.ts'
import { isWhole, type GraphRequest } from './requests.ts'

const graphTypes = ['application/json; charset=utf-8', 'application/graphql-response+json; charset=utf-8']

/** Checks a response of the graph against its schema. */
export function judge(schema: GraphQLSchema, request: GraphRequest, answer: Answer): Verdict {
  expectServed(answer)
  const { headers, text } = answer
  const type = headers['content-type'] ?? ''
  // The playground, for browsers.
  if (type.startsWith('text/html')) return { unchanged: true }
  if (type.startsWith('application/problem+json')) {
    expectProblem(answer)
    return { unchanged: true, refusal: text }
  }
  expect(graphTypes).toContain(type)
  const body = JSON.parse(text)
  expect(Object.keys(body).filter((key) => !['data', 'errors', 'extensions'].includes(key))).toEqual([])
  const { data, errors } = body
  if (errors !== undefined) expectGraphqlErrors(errors)
  const answered = data != null && Object.values(data).some((value) => value !== null)
  if (!answered) expect(errors !== undefined || data != null ? 'has errors' : text).toBe('has errors')
  const { kind, root } = request.operation
  if (data != null && isWhole(request)) {
    const rootType = kind === 'query' ? schema.getQueryType() : schema.getMutationType()
    if (rootType) expect({ fault: faultIn(rootType, [root], data) }).toEqual({})
  }
  return {
    unchanged: !answered || (kind === 'query' && isWhole(request)),
    ...(errors !== undefined && { refusal: JSON.stringify(errors) }),
  }
}
