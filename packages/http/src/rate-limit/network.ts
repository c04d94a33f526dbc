import { isIPv6 } from 'node:net'

/**
 * The network that an address is counted under: the first 64 bits of IPv6, of which one customer holds all
 * addresses. IPv4 in IPv6 is IPv4.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.replace(/%.*$/, '').toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    // A trailing IPv4 address fills two groups.
    const length = rest.length + (tail.includes('.') ? 1 : 0)
    groups.push(...Array.from({ length: Math.max(0, 8 - groups.length - length) }, () => '0'), ...rest)
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
