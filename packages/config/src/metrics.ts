import { parsers } from './parsers.ts'

export const metricsVariables = {
  METRICS_HOST: {
    schema: parsers.host('127.0.0.1'),
    about: 'Address to serve metrics on.',
    default: '127.0.0.1',
  },
  METRICS_PORT: {
    schema: parsers.optionalPort(),
    about:
      'Port of `GET /metrics`, for Prometheus. `npm start` uses it for the gateway and the next two for users and events.',
    default: "(the service's port + 1000)",
  },
} as const

/** The metrics port next to a service's own; 0 is any free one. */
export const metricsPortBeside = (port: number): number => {
  if (port === 0) return 0
  return port + 1_000 <= 65_535 ? port + 1_000 : port - 1_000
}

/** The address of a service's metrics. */
export const metricsOf = (
  env: { readonly METRICS_HOST: string; readonly METRICS_PORT?: number | undefined },
  port: number,
) => ({ host: env.METRICS_HOST, port: env.METRICS_PORT ?? metricsPortBeside(port) })
