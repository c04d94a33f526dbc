import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** A request with or without a token. */
export interface HostileRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
  /** Bytes of each chunk, in place of a content length. */
  readonly chunk?: number | undefined
}

/** Milliseconds after which nothing more is expected. */
const deadline = 20_000

/** Sends it, whatever becomes of it: the status, or why the connection ended without one. */
export async function send(origin: string, { method, path, headers, body, chunk }: HostileRequest) {
  const outgoing = request(`${origin}${path}`, {
    method,
    agent: false,
    headers: {
      ...headers,
      ...(body !== undefined && chunk === undefined && { 'content-length': String(body.length) }),
    },
  })
  const answered = new Promise<string>((resolve) => {
    outgoing.on('response', (response: IncomingMessage) => {
      response.resume().once('close', () => {
        resolve(String(response.statusCode))
      })
    })
    // A service may refuse a body before it has been sent.
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message)
    })
    outgoing.setTimeout(deadline, () => {
      outgoing.destroy()
      resolve('timeout')
    })
  })
  await write(outgoing, body, chunk, answered)
  return await answered
}

async function write(
  outgoing: ReturnType<typeof request>,
  body: Buffer | undefined,
  chunk: number | undefined,
  answered: Promise<string>,
): Promise<void> {
  if (body === undefined || chunk === undefined) {
    outgoing.end(body)
    return
  }
  for (let at = 0; at < body.length && !outgoing.destroyed; at += chunk)
    if (!outgoing.write(body.subarray(at, at + chunk)))
      await Promise.race([once(outgoing, 'drain'), answered, pause(deadline)])
  outgoing.end()
}
