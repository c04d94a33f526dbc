import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

/** Header with the address of the gateway's client, signed with a shared secret. */
export const clientAddressHeader = 'x-client-address'

const sealOf = (secret: string, address: string): string =>
  createHmac('sha256', secret).update(`client-address ${address}`).digest('base64url')

/** The signed address that the gateway sends to a service. */
export const sealAddress = (secret: string, address: string): string =>
  `${address} ${sealOf(secret, address)}`

/**
 * The address of a request's client: as signed by the gateway, or as sent by a trusted proxy (TRUST_PROXY),
 * or that of the connection.
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
