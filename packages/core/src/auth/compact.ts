/** The header members that every token of ours has: these and no others, in any order. */
export interface TokenHeader {
  readonly alg: string
  readonly typ: string
  readonly kid: string
}

const members: readonly string[] = ['alg', 'kid', 'typ'] satisfies (keyof TokenHeader)[]

/**
 * The header of a token in JWS compact serialisation (RFC 7515, 7.1), unverified; undefined unless the token
 * is in the one canonical form that the users service writes: base64url without padding or spare bits, JSON
 * without white space or duplicate members (RFC 7515, 4; RFC 8725, 2.4), no header members (`crit`, `jwk`,
 * `jku`, `x5c`, `b64`, `zip` …) that would have to be understood. Parsers cannot disagree about such a token.
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

/** Decodes base64url; undefined when the encoding is not canonical. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}

/** Parses a JSON object; undefined when it is another value or not in canonical form. */
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
