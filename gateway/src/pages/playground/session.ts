/** The claims of a token, for display only: the services verify it. */
export interface Session {
  accessToken: string
  role: string | null
  storeId: number | null
  /** Milliseconds since the epoch. */
  expiresAt: number
}

export type Json = Record<string, unknown>

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

export const unreachable = 'The gateway cannot be reached. Try again in a moment.'

const AUTHENTICATE = `mutation Authenticate($input: AuthenticateInput!) {
  authenticate(input: $input) {
    accessToken
    tokenType
    expiresIn
  }
}`

/**
 * Sends one GraphQL operation to the gateway and returns its answer, errors included.
 * Throws when what comes back is not JSON.
 */
export async function post(
  body: unknown,
  accessToken?: string,
): Promise<{ response: Response; answer: Json }> {
  const response = await fetch('/graphql', {
    method: 'POST',
    credentials: 'omit',
    headers: {
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'content-type': 'application/json',
      ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
    },
    body: JSON.stringify(body),
  })
  const answer: unknown = await response.json().catch(() => null)
  if (!isObject(answer)) throw new Error(`The gateway answered ${String(response.status)} without JSON.`)
  return { response, answer }
}

/**
 * Exchanges an API key for an access token.
 * Throws an error whose message can be shown as it is.
 */
export async function signIn(apiKey: string): Promise<Session> {
  const { response, answer } = await post({
    operationName: 'Authenticate',
    query: AUTHENTICATE,
    variables: { input: { apiKey } },
  }).catch(() => {
    throw new Error(unreachable)
  })
  const payload = isObject(answer.data) ? answer.data.authenticate : null
  if (!isObject(payload) || typeof payload.accessToken !== 'string')
    throw new Error(refusal(response, answer))
  const lifetime = typeof payload.expiresIn === 'number' ? payload.expiresIn : 0
  return sessionOf(payload.accessToken, Date.now() + lifetime * 1000)
}

function refusal(response: Response, answer: Json): string {
  const first: unknown = Array.isArray(answer.errors) ? answer.errors[0] : answer
  const { message, extensions } = isObject(first) ? first : {}
  const code = isObject(extensions) ? extensions.code : null
  if (response.status === 429) {
    const seconds = response.headers.get('retry-after')
    return `Too many attempts. Try again ${seconds ? `in ${seconds} seconds` : 'later'}.`
  }
  if (response.status === 401 || code === 'UNAUTHENTICATED') {
    return 'This API key was refused. Check it and try again.'
  }
  return typeof message === 'string' && message ? message : `The gateway answered ${String(response.status)}.`
}

function sessionOf(accessToken: string, expiresAt: number): Session {
  const claims = claimsOf(accessToken)
  return {
    accessToken,
    role: typeof claims.role === 'string' ? claims.role : null,
    storeId: typeof claims.store_id === 'number' ? claims.store_id : null,
    expiresAt: typeof claims.exp === 'number' ? claims.exp * 1000 : expiresAt,
  }
}

/** The payload of a JSON Web Token (RFC 7519), unverified; empty if it cannot be read. */
function claimsOf(token: string): Json {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0))
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isObject(claims) ? claims : {}
  } catch {
    return {}
  }
}
