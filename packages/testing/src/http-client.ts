export interface Answer {
  readonly status: number
  readonly headers: Headers
  // Tests look into answers of many shapes.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any
}

/** Sends requests to a service. @param tokenOf the access token of a caller */
export function createTestClient<Caller>(origin: string, tokenOf: (caller: Caller) => string) {
  /** @param body sent as JSON, or as it is when it is a string or bytes */
  async function send(
    method: string,
    path: string,
    caller?: Caller | null,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const raw = typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(origin + path, {
      method,
      headers: {
        ...(caller != null && { authorization: `Bearer ${tokenOf(caller)}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: raw ? (body as string) : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
  }

  const graphql = (
    caller: Caller | null,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<Answer> => send('POST', '/graphql', caller, { query, variables })

  return { send, graphql }
}
