import type { OperationAnswer } from '@user-stats/graphql'
import type { Dispatcher } from 'undici'

export interface ExchangeOptions {
  readonly pool: Dispatcher
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Milliseconds for all of it. */
  readonly timeout: number
  /** Takes an answer with status 200 in the pieces in which it arrives. */
  readonly onChunk: (chunk: Buffer) => void
}

/** An answer of ours is an answer, whatever it says; a proxy before a subgraph that is away says it in HTML. */
export const isAnswer = ({ status, text }: OperationAnswer): boolean => status < 500 || text.startsWith('{')

/** Longer than anything a subgraph of ours says for all of a batch. */
const maxRefusalBytes = 16_384

/**
 * Posts JSON and hands the answer on while it arrives.
 *
 * @returns once the answer is complete; its text, up to a bound, if it has another status than 200
 * @throws Error when it is not complete in time, or the connection breaks
 */
export function exchange({
  pool,
  path,
  headers,
  body,
  timeout,
  onChunk,
}: ExchangeOptions): Promise<OperationAnswer> {
  return new Promise((resolve, reject) => {
    let abort: ((reason: Error) => void) | undefined
    let late: Error | undefined
    let status = 0
    const refusal: Buffer[] = []
    let room = maxRefusalBytes
    const timer = setTimeout(() => {
      late = new Error('the subgraph did not answer in time')
      abort?.(late)
      // It may not have been sent yet.
      reject(late)
    }, timeout)
    pool.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
      {
        onRequestStart: (controller) => {
          if (late !== undefined) controller.abort(late)
          abort = (reason) => {
            controller.abort(reason)
          }
        },
        onResponseStart: (_controller, statusCode) => {
          status = statusCode
        },
        onResponseData: (_controller, chunk) => {
          if (status === 200) {
            onChunk(chunk)
            return
          }
          refusal.push(chunk.subarray(0, room))
          room = Math.max(0, room - chunk.length)
        },
        onResponseEnd: () => {
          clearTimeout(timer)
          resolve({ status, text: Buffer.concat(refusal).toString() })
        },
        onResponseError: (_controller, error) => {
          clearTimeout(timer)
          reject(error)
        },
      },
    )
  })
}
