import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

/** Carries the address of the gateway's client, sealed with a secret that both know. */
export const clientAddressHeader = 'x-client-address'

const sealOf = (secret: string, address: string): string =>
  createHmac('sha256', secret).update(`client-address ${address}`).digest('base64url')

/** What the gateway says of its client to a service that knows the secret. */
export const sealAddress = (secret: string, address: string): string =>
  `${address} ${sealOf(secret, address)}`

/**
 * The address of a request's client: as the gateway vouches for it, else that of the connection, or what proxies say
 * that are trusted (TRUST_PROXY).
 */
export const clientAddress =
  (secret: string | undefined) =>
  (request: Pick<FastifyRequest, 'headers' | 'ip'>): string => {
    const header = request.headers[clientAddressHeader]
    if (secret === undefined || typeof header !== 'string') return request.ip
    const [address = '', seal = ''] = header.split(' ')
    const expected = Buffer.from(sealOf(secret, address))
    const given = Buffer.from(seal)
    return given.length === expected.length && timingSafeEqual(given, expected) ? address : request.ip
  }
