import { expect } from '@jest/globals'
import type { Answer, Outgoing } from '../exchange.ts'
import { expectProblem, expectServed } from '../problem.ts'
import type { Verdict } from '../session.ts'
import type { Operation } from './operations.ts'

/** Statuses that concern the path or the method, so that no operation documents them. */
const routing = [404, 405]

/** Checks a response of an operation against the OpenAPI document. */
export function judge(
  operations: readonly Operation[],
  operation: Operation,
  { method, path }: Outgoing,
  answer: Answer,
): Verdict {
  expectServed(answer)
  if (method === 'HEAD') {
    expect(answer.text).toBe('')
    return { unchanged: true, ...(answer.status >= 400 && { refusal: '' }) }
  }
  if (answer.status >= 400) {
    expectProblem(answer)
    const { accepted = 0, created = 0 } = JSON.parse(answer.text)
    if (method === operation.method) expect([...operation.refusals, ...routing]).toContain(answer.status)
    return { unchanged: accepted === 0 && created === 0, refusal: answer.text }
  }
  expect(answer.headers['content-type']).toContain('application/json')
  const body: unknown = JSON.parse(answer.text)
  const candidates = operations.filter(
    (known) => known.port === operation.port && known.method === method && covers(known.path, path),
  )
  expect(candidates.map(({ success }) => `${String(success.status)} ${success.fits(body)}`)).toContain(
    `${String(answer.status)} fits`,
  )
  return { unchanged: method === 'GET' }
}

/** Whether a path may be one of a template. */
function covers(template: string, path: string): boolean {
  const pattern = template.replaceAll(/\{\w+\}/g, '[^/?]*')
  return new RegExp(`^${pattern}/?(?:[?;].*)?$`, 's').test(path)
}
