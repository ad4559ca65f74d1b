/** Which network an address belongs to, as far as limits go. */
import ipaddr from 'ipaddr.js'

const IPV6_NETWORK_BITS = 64

/** An IPv4 address itself, however it is written; the /64 of an IPv6 address, since that is what one household gets. */
export function networkOf(ip = ''): string {
  // Some proxies pass on the port too.
  const bare = ip.replace(/^\[(.+)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3')
  if (!ipaddr.isValid(bare)) return 'unknown'
  const address = ipaddr.process(bare)
  if (address.kind() === 'ipv4') return address.toString()
  const bytes = address.toByteArray().map((byte, index) => (index < IPV6_NETWORK_BITS / 8 ? byte : 0))
  return ipaddr.fromByteArray(bytes).toString()
}
