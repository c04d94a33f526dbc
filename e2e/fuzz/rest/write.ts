import { encode, writePayload } from '../arbitraries/payload.ts'
import type { Header, Outgoing } from '../exchange.ts'
import { writeText, type Refs } from '../raw-json.ts'
import type { Piece, RestRequest } from './requests.ts'

const writePiece = (piece: Piece, refs: Refs): string =>
  'broken' in piece ? piece.broken : encode(writeText(piece.value, refs))

/** A header holds Latin-1 without controls; what else there is goes as bytes of UTF-8. */
const toHeader = (text: string): string =>
  Array.from(Buffer.from(text), (byte) =>
    byte < 0x20 || byte === 0x7f ? '?' : String.fromCharCode(byte),
  ).join('')

/** The headers that identify the caller. */
export function identify(
  { authorization, extra }: Pick<RestRequest, 'authorization' | 'extra'>,
  token: string | undefined,
): Header[] {
  const shown =
    token === undefined ? undefined : authorization === undefined ? `Bearer ${token}` : authorization(token)
  return [...(shown === undefined ? [] : [['authorization', shown] as const]), ...extra]
}

/** Writes a request down as it goes over the wire. */
export function writeRequest(
  template: string,
  request: RestRequest,
  token: string | undefined,
  refs: Refs,
): Outgoing {
  const { method, path, slash, query, headers, payload } = request
  const pathname = template.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const piece = path[name]
    return piece === undefined ? '' : writePiece(piece, refs)
  })
  const search = query.map(([name, piece]) => `${encode(name)}=${writePiece(piece, refs)}`).join('&')
  return {
    method,
    path: `${pathname}${slash ? '/' : ''}${search === '' ? '' : `?${search}`}`,
    headers: [
      ...identify(request, token),
      ...headers.map(([name, value]) => [name, toHeader(writeText(value, refs))] as const),
      ...(payload === undefined ? [] : [['content-type', payload.type] as const]),
    ],
    body: payload === undefined ? undefined : writePayload(payload, refs),
  }
}
