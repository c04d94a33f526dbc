import type { Socket } from 'node:net'
import { compile } from '@fastify/proxy-addr'
import { networkOf } from '../rate-limit/network.ts'

/** A connection that may be closed for another one. */
export interface Connection {
  readonly socket: Socket
  readonly network: Network
  open: boolean
  /** Requests that have arrived completely and are not yet answered. */
  inProgress: number
}

/** The connections of one address. */
interface Network {
  readonly name: string
  open: number
  /** In the order in which they became idle. */
  readonly idle: Set<Connection>
}

/** The connections of one address, as a share of all. */
const maxShare = 0.5

const isLoopback = compile('loopback')

/** Over TLS, requests arrive on another socket than the connection: both have the same peer. */
const peerOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string =>
  `${remoteAddress} ${String(remotePort)}`

/**
 * The connections open to a server: at most so many, and half of that from one address. At a limit, the
 * connection that has been idle for the longest time is closed for the new one, which is refused only if
 * there is none. Trusted proxies are exempt, since each serves many clients; loopback addresses are never
 * refused for their share.
 */
export function createConnectionTable(maxConnections: number, trustProxy: readonly string[]) {
  const isProxy = compile([...trustProxy])
  const maxPerNetwork = Math.ceil(maxConnections * maxShare)
  const networks = new Map<string, Network>()
  const byPeer = new Map<string, Connection>()
  const kept = new WeakSet<Socket>()
  /** In the order in which they became idle. */
  const idle = new Set<Connection>()
  let open = 0

  function setBusy(connection: Connection): void {
    idle.delete(connection)
    connection.network.idle.delete(connection)
  }

  function setIdle(connection: Connection): void {
    setBusy(connection)
    if (!connection.open || connection.inProgress > 0) return
    idle.add(connection)
    connection.network.idle.add(connection)
  }

  function count(socket: Socket, address: string): Connection {
    const name = networkOf(address)
    const network = networks.get(name) ?? { name, open: 0, idle: new Set() }
    networks.set(name, network)
    network.open += 1
    open += 1
    return { socket, network, open: true, inProgress: 0 }
  }

  function discount(connection: Connection): void {
    if (!connection.open) return
    const { network } = connection
    connection.open = false
    setBusy(connection)
    open -= 1
    network.open -= 1
    if (network.open === 0) networks.delete(network.name)
  }

  /** @returns whether there was one */
  function closeFirst([first]: Iterable<Connection>): boolean {
    if (first === undefined) return false
    discount(first)
    first.socket.destroy()
    return true
  }

  return {
    /** @returns whether the connection may stay open */
    add(socket: Socket): boolean {
      const address = socket.remoteAddress
      // The client has disconnected already.
      if (address === undefined) return true
      const proxy = isProxy(address, 0)
      const connection = count(socket, address)
      const { network } = connection
      const peer = peerOf(socket)
      socket.once('close', () => {
        discount(connection)
        if (byPeer.get(peer) === connection) byPeer.delete(peer)
      })
      if (!proxy && network.open > maxPerNetwork && !closeFirst(network.idle) && !isLoopback(address, 0))
        return false
      if (open > maxConnections && !closeFirst(idle)) return false
      if (!proxy) {
        byPeer.set(peer, connection)
        setIdle(connection)
      }
      return true
    },
    /** The connection of a request, unless it is never closed for another one. */
    find: (socket: Socket): Connection | undefined =>
      kept.has(socket) ? undefined : byPeer.get(peerOf(socket)),
    /** Never closes a connection for another one. */
    keep(connection: Connection, socket: Socket): void {
      setBusy(connection)
      kept.add(socket)
      byPeer.delete(peerOf(socket))
    },
    /** Marks a connection as used. */
    touch: setIdle,
    begin(connection: Connection): void {
      connection.inProgress += 1
      setBusy(connection)
    },
    end(connection: Connection): void {
      connection.inProgress -= 1
      setIdle(connection)
    },
  }
}
