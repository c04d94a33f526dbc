/** The address at which this machine reaches a server that listens on `host`. */
export const reachableAt = (host: string): string =>
  ({ '0.0.0.0': '127.0.0.1', '::': '::1', '': '127.0.0.1' })[host] ?? host
