import type { Dispatcher } from 'undici'
import type { OperationResponse } from './protocol.ts'

export interface PostOptions {
  readonly pool: Dispatcher
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Milliseconds for the whole exchange. */
  readonly timeout: number
  /** Receives the body of a response with status 200 in the pieces in which it arrives. */
  readonly onChunk: (chunk: Buffer) => void
}

/** Longer than any body with which a service of ours refuses a whole batch. */
const maxRefusalBytes = 16_384

/**
 * Posts JSON and streams the response.
 *
 * @returns at its end; `text` is empty if the status is 200, else the body up to a bound
 * @throws Error when the response is not complete in time, or the connection breaks
 */
export function postStreaming({
  pool,
  path,
  headers,
  body,
  timeout,
  onChunk,
}: PostOptions): Promise<OperationResponse> {
  return new Promise((resolve, reject) => {
    let abort: ((reason: Error) => void) | undefined
    let timedOut: Error | undefined
    let status = 0
    const refusal: Buffer[] = []
    let bytesLeft = maxRefusalBytes
    const timer = setTimeout(() => {
      timedOut = new Error('the subgraph did not answer in time')
      abort?.(timedOut)
      // The request may still be queued: undici reports nothing then.
      reject(timedOut)
    }, timeout)
    pool.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
      {
        onRequestStart: (controller) => {
          if (timedOut !== undefined) controller.abort(timedOut)
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
          refusal.push(chunk.subarray(0, bytesLeft))
          bytesLeft = Math.max(0, bytesLeft - chunk.length)
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
