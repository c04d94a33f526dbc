import type { FastifyInstance } from 'fastify'
import { DomainError } from '@user-stats/core'
import { isBeacon, readBeacon, toBody, type Beacon } from './beacon.ts'
import { createExchange, type Exchange, type ExchangeOptions } from './exchange.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body of a beacon, which was read for its key. */
    beacon: Beacon | undefined
  }
}

const bearer = /^Bearer +(us_w_[\w-]+) *$/i

/**
 * Lets a publishable key (`us_w_…`) stand for an access token: as a bearer, or in the body of a beacon, which has no
 * headers. Must be registered before authentication.
 *
 * @returns a function that provides what keys are exchanged with, before the first request
 */
export function registerPublishableKeys(app: FastifyInstance): (options: ExchangeOptions) => void {
  let exchange: Exchange | undefined
  app.decorateRequest('beacon', undefined)

  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config
    if (access === undefined || access === 'anonymous') return
    if (isBeacon(request)) request.beacon = await readBeacon(request)
    const key = request.beacon?.key ?? bearer.exec(request.headers.authorization ?? '')?.[1]
    if (key === undefined) return
    if (!key.startsWith('us_w_') || exchange === undefined) throw new DomainError('INVALID_API_KEY')
    request.headers.authorization = `Bearer ${await exchange(key, request, reply)}`
  })
  app.addHook('preParsing', (request, _reply, payload, done) => {
    done(null, request.beacon === undefined ? payload : toBody(request.beacon))
  })

  return (options) => {
    exchange = createExchange(options)
  }
}
