import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** Prometheus metrics of one service. Labels name route patterns and operation types, never values. */
export function createMetrics(service: string) {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer an HTTP request, in seconds.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const errors = new Counter({
    name: 'errors_total',
    help: 'Errors answered, by code, route and kind of GraphQL operation.',
    labelNames: ['code', 'route', 'operation'],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'load_refusals_total',
    help: 'Requests and connections refused because there was too much to do, by reason.',
    labelNames: ['reason'],
    registers: [registry],
  })
  const breakers = new Gauge({
    name: 'circuit_breaker_state',
    help: 'State of the circuit breaker of a peer: 0 closed (requests are sent), 1 half open (trial requests), 2 open (no requests).',
    labelNames: ['peer'],
    registers: [registry],
  })
  /** A gauge whose value is computed when it is read. */
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
  return { registry, requests, errors, refusals, breakers, gauge }
}
