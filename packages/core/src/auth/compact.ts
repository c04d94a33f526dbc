/** The members a token of ours has in its header, in no particular order, and no others. */
export interface TokenHeader {
  readonly alg: string
  readonly typ: string
  readonly kid: string
}

const members: readonly string[] = ['alg', 'kid', 'typ'] satisfies (keyof TokenHeader)[]

/**
 * The header of a token in JWS compact serialisation (RFC 7515, 7.1), unverified; undefined when the token is not
 * written as the users service writes them. There is one way to write each of them, so that nothing has to be said
 * about what else a parser might make of it: base64url without padding or spare bits, JSON without white space or
 * duplicate members (RFC 7515, 4; RFC 8725, 2.4), and no header members (`crit`, `jwk`, `jku`, `x5c`, `b64`, `zip` …)
 * that would have to be understood.
 */
export function readHeader(token: string): TokenHeader | undefined {
  const [head, payload, signature, ...more] = token.split('.')
  if (head === undefined || payload === undefined || signature === undefined || more.length > 0)
    return undefined
  if (signature === '' || decode(signature) === undefined || readObject(payload) === undefined)
    return undefined
  const header = readObject(head)
  if (header === undefined || Object.keys(header).sort().join() !== members.join()) return undefined
  return members.every((name) => typeof header[name] === 'string')
    ? (header as unknown as TokenHeader)
    : undefined
}

/** What base64url stands for; undefined when it could be written otherwise. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}

/** A JSON object, undefined when it is another value or could be written otherwise. */
function readObject(part: string): Readonly<Record<string, unknown>> | undefined {
  const text = decode(part)?.toString()
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const plain = typeof value === 'object' && value !== null && !Array.isArray(value)
    return plain && JSON.stringify(value) === text ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
