import type { Dispatcher } from 'undici'

export interface ExchangeOptions {
  readonly pool: Dispatcher
  readonly path: string
  readonly body: string
  /** Milliseconds for all of it. */
  readonly timeout: number
  /** Takes an answer with status 200 in the pieces in which it arrives. */
  readonly onChunk: (chunk: Buffer) => void
}

/**
 * Posts JSON and hands the answer on while it arrives.
 *
 * @returns the status, once the answer is complete
 * @throws Error when it is not complete in time, or the connection breaks
 */
export function exchange({ pool, path, body, timeout, onChunk }: ExchangeOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let abort: ((reason: Error) => void) | undefined
    let late: Error | undefined
    let status = 0
    const timer = setTimeout(() => {
      late = new Error('the subgraph did not answer in time')
      abort?.(late)
      // It may not have been sent yet.
      reject(late)
    }, timeout)
    pool.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json' }, body },
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
          if (status === 200) onChunk(chunk)
        },
        onResponseEnd: () => {
          clearTimeout(timer)
          resolve(status)
        },
        onResponseError: (_controller, error) => {
          clearTimeout(timer)
          reject(error)
        },
      },
    )
  })
}
