import { Agent, request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

export interface SteadyRequest {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The outcome of a request for its client: answered completely; refused, because the connection was not
 * accepted; or lost: it was sent, and it is unknown whether it was executed.
 */
export type Fate =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: IncomingMessage['headers'] }
  | { readonly kind: 'refused' }
  | { readonly kind: 'lost'; readonly reason: string }

/** A client with one kept-alive connection, which it uses until a response or the server ends it. */
export function createSteadyClient(origin: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const send = ({ method, path, token, body, headers }: SteadyRequest): Promise<Fate> =>
    new Promise((resolve) => {
      const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
      const sent = request(
        origin + path,
        {
          agent,
          method,
          headers: {
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(content !== undefined && {
              'content-type': 'application/json',
              'content-length': String(Buffer.byteLength(content)),
            }),
            ...headers,
          },
        },
        (response) => {
          const { statusCode: status = 0, headers: answered } = response
          text(response).then(
            () => {
              resolve({ kind: 'answered', status, headers: answered })
            },
            (error: unknown) => {
              resolve({ kind: 'lost', reason: `cut after its head: ${String(error)}` })
            },
          )
        },
      )
      sent.on('error', (error: NodeJS.ErrnoException) => {
        resolve(
          error.code === 'ECONNREFUSED'
            ? { kind: 'refused' }
            : { kind: 'lost', reason: `${String(error.code)} ${error.message}` },
        )
      })
      sent.end(content)
    })

  return {
    send,
    close: (): void => {
      agent.destroy()
    },
  }
}
