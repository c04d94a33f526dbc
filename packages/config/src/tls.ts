import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { EnvError, readVariables, type RawEnv } from './read-variables.ts'
import { tlsVariables } from './tls-variables.ts'

/** A certificate, with the chain to its authority, and its private key; PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Tls extends Certificate {
  /**
   * The current certificate: its files may have been replaced.
   *
   * @throws EnvError when the files do not contain a certificate with its key
   */
  readonly renewed: () => Certificate
}

/**
 * The certificate and key for TLS; undefined without TLS.
 *
 * @throws EnvError naming the invalid variable, never its value
 */
export function readTls(raw: RawEnv): Tls | undefined {
  const first = readCertificate(raw)
  return first && { ...first, renewed: () => readCertificate(raw) ?? first }
}

function readCertificate(raw: RawEnv): Certificate | undefined {
  const { TLS_CERT: cert, TLS_KEY: key } = readVariables(tlsVariables, raw)
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined) throw new EnvError(['TLS_CERT: expected with TLS_KEY'])
  if (key === undefined) throw new EnvError(['TLS_KEY: expected with TLS_CERT'])
  const leaf = certificateIn(cert)
  const privateKey = keyIn(key)
  if (leaf && privateKey) {
    if (!leaf.checkPrivateKey(privateKey)) throw new EnvError(['TLS_KEY: is not the key of TLS_CERT'])
    return { cert, key }
  }
  throw new EnvError([
    ...(leaf ? [] : ['TLS_CERT: expected certificates in PEM, its own first']),
    ...(privateKey ? [] : ['TLS_KEY: expected a private key in PEM, unencrypted']),
  ])
}

/** The faults of certificate and key. */
export function tlsFaults(raw: RawEnv): readonly string[] {
  try {
    readCertificate(raw)
    return []
  } catch (error) {
    if (error instanceof EnvError) return error.faults
    throw error
  }
}

const begin = '-----BEGIN CERTIFICATE-----'

function certificateIn(pem: string): X509Certificate | undefined {
  try {
    // All of them are parsed: a broken chain would only fail at clients.
    const [leaf] = pem
      .slice(pem.indexOf(begin))
      .split(new RegExp(`(?=${begin})`))
      .map((one) => new X509Certificate(one))
    return leaf
  } catch {
    return undefined
  }
}

function keyIn(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
