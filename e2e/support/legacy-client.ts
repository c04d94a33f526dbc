/**
 * A client written from the previous system's documentation only: paths, bodies and statuses.
 */
export interface LegacyAnswer {
  readonly status: number
  readonly contentType: string
  readonly headers: Headers
  // Answers have many shapes; tests declare which they expect.
  readonly body: any
}

export type Encoding = 'json' | 'form'

export interface LegacyRequest {
  readonly token?: string | undefined
  readonly body?: Readonly<Record<string, unknown>> | undefined
  readonly encoding?: Encoding
  readonly headers?: Readonly<Record<string, string>>
}

const encode = (body: Readonly<Record<string, unknown>>, encoding: Encoding): string =>
  encoding === 'json'
    ? JSON.stringify(body)
    : new URLSearchParams(
        Object.entries(body).map(([name, value]): [string, string] => [
          name,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      ).toString()

/** Sends one request. Redirects are not followed: the documentation has none. */
export async function call(
  origin: string,
  method: string,
  path: string,
  { token, body, encoding = 'json', headers = {} }: LegacyRequest = {},
): Promise<LegacyAnswer> {
  const response = await fetch(origin + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && {
        'content-type': encoding === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
      }),
      ...headers,
    },
    ...(body !== undefined && { body: encode(body, encoding) }),
  })
  const text = await response.text()
  const contentType = response.headers.get('content-type') ?? ''
  return {
    status: response.status,
    contentType,
    headers: response.headers,
    body: contentType.includes('json') && text !== '' ? JSON.parse(text) : text,
  }
}

/** Exchanges a key for a token. */
export async function authenticate(gateway: string, apiKey: string): Promise<string> {
  const { status, body } = await call(gateway, 'POST', '/api/auth/', { body: { api_key: apiKey } })
  if (status !== 200) throw new Error(`authentication answered ${String(status)}`)
  return body.access_token as string
}
