import { createHmac, generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto'

export type Part = object | string

/** Base64url of JSON, or of a text as it is. */
export const part = (value: Part): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token in compact serialisation: header, payload and signature. */
export function compact(header: Part, payload: Part, signer: (input: string) => Buffer): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${signer(input).toString('base64url')}`
}

export const rsa =
  (key: KeyObject, hash = 'sha256') =>
  (input: string): Buffer =>
    sign(hash, Buffer.from(input), key)

export const pss =
  (key: KeyObject) =>
  (input: string): Buffer =>
    sign('sha256', Buffer.from(input), {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    })

export const hmac =
  (secret: string | Buffer) =>
  (input: string): Buffer =>
    createHmac('sha256', secret).update(input).digest()

export const fixed = (signature: Buffer) => (): Buffer => signature

/** The same signature with other spare bits in its last character, which a lenient decoder accepts. */
export function withSpareBits(token: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = letters.indexOf(token.slice(-1))
  return token.slice(0, -1) + (letters[last ^ 1] ?? '')
}

export const rsaKeys = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
