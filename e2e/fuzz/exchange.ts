import { Agent, request as send, type IncomingHttpHeaders } from 'node:http'

export type Header = readonly [name: string, value: string]

export interface Outgoing {
  readonly method: string
  /** Sent unchanged: `fetch` would normalise it. */
  readonly path: string
  readonly headers: readonly Header[]
  readonly body?: Uint8Array | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A client that sends any bytes over kept-alive connections, valid or not. */
export function createClient() {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  return {
    /** @throws when the response is incomplete: every request must be answered */
    exchange: (origin: string, outgoing: Outgoing): Promise<Answer> => attempt(agent, origin, outgoing),
    close: () => {
      agent.destroy()
    },
  }
}

const attempt = (agent: Agent, origin: string, outgoing: Outgoing): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method, path, headers, body } = outgoing
    const request = send(
      origin,
      {
        agent,
        method,
        path,
        headers: [
          ...headers,
          // DELETE and GET may have a body too.
          ...(body === undefined ? [] : [['content-length', String(body.length)] as const]),
          ['host', new URL(origin).host] as const,
        ].flat(),
        signal: AbortSignal.timeout(60_000),
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(parts).toString(),
          })
        })
      },
    )
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The server had closed the connection before it received this request.
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(attempt(agent, origin, outgoing))
      else reject(error)
    })
    request.end(body)
  })
