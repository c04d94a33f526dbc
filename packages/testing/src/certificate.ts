import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Certificate } from '@user-stats/config'

// The parts of DER (X.690) that an X.509 certificate (RFC 5280) needs.
function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...parts: readonly Uint8Array[]) => tagged(0x30, ...parts)
const identifier = (hex: string) => tagged(0x06, Buffer.from(hex, 'hex'))
const octets = (content: Uint8Array) => tagged(0x04, content)
const bits = (content: Uint8Array) => tagged(0x03, Buffer.of(0), content)
const time = (at: number) =>
  tagged(0x18, Buffer.from(`${new Date(at).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`))

const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'))
const commonName = identifier('550403')
const subjectAltName = identifier('551d11')

const nameOf = (name: string) =>
  isIPv4(name) ? tagged(0x87, Buffer.from(name.split('.').map(Number))) : tagged(0x82, Buffer.from(name))

/**
 * A self-signed certificate for a test, an hour old and valid for a day; clients trust it when given it as
 * `ca`.
 *
 * @param names host names and IPv4 addresses it is for
 */
export function createCertificate(names: readonly string[]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const self = sequence(tagged(0x31, sequence(commonName, tagged(0x0c, Buffer.from('test')))))
  const hour = 3_600_000
  const content = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    // Positive, and not zero.
    tagged(0x02, Buffer.of(1), randomBytes(8)),
    ecdsaWithSha256,
    self,
    sequence(time(Date.now() - hour), time(Date.now() + 24 * hour)),
    self,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(sequence(subjectAltName, octets(sequence(...names.map(nameOf)))))),
  )
  const der = sequence(content, ecdsaWithSha256, bits(sign('sha256', content, privateKey)))
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
