// Installed with the benchmarks only, and without types that fit: what of it is used.
declare module '@mercuriusjs/gateway' {
  import type { FastifyPluginAsync } from 'fastify'

  const plugin: FastifyPluginAsync<Record<string, unknown>>
  export default plugin
}
