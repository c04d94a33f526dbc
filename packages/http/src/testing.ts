import { Writable } from 'node:stream'
import { commonVariables } from '@user-stats/config'
import { readVariables } from '@user-stats/config'
import { graphLimitsOf } from '@user-stats/config'
import { DomainError } from '@user-stats/core'
import { createHttpApp, type HttpAppOptions } from './create-app.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'

/** The default limits of the gateway. */
export const testLimits = graphLimitsOf(readVariables(commonVariables, {}))
export { defaultLoadLimits as testLoad } from './overload.ts'
/** Rate limits for services to which tests send bad tokens. */
export const testRates = { service: 'test', caller: 100_000, anonymous: 100_000, failures: 100_000 }

/** Collects log lines, for tests that check them. */
export function createTestLog() {
  const lines: string[] = []
  const destination = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  return { log: createLogger({ name: 'test', level: 'trace', destination }), text: () => lines.join('') }
}

/** An app as the services build it, without routes. */
export async function createTestApp(options: Partial<HttpAppOptions> = {}) {
  const { log, text } = createTestLog()
  const metrics = createMetrics('test')
  const app = await createHttpApp({
    log,
    metrics,
    readiness: {},
    bodyLimit: 65_536,
    requestTimeout: 5_000,
    corsOrigins: [],
    tls: undefined,
    ...options,
  })
  return {
    app,
    log,
    metrics,
    logged: text,
    listen: () => app.listen({ port: 0, host: '127.0.0.1' }),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

/** A clock that only moves when a test advances it. */
export function createTestClock(start = Date.parse('2026-11-23T05:16:00Z')) {
  let now = start
  return {
    clock: () => now,
    advance: (milliseconds: number) => {
      now += milliseconds
    },
  }
}

/** The public part of the error that a function throws, or a promise rejects with. */
export async function refusalOf(
  action: () => unknown,
): Promise<{ code: string; field?: string; faults?: string[]; message: string }> {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    const { code, field, faults, message } = error
    return {
      code,
      message,
      ...(field !== undefined && { field }),
      ...(faults.length > 1 && { faults: faults.map((fault) => fault.field) }),
    }
  }
  throw new Error('Nothing was refused.')
}
