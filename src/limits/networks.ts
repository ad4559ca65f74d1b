/** Which network an address belongs to, as far as limits go. */
import ipaddr from 'ipaddr.js'

const IPV6_NETWORK_BITS = 64

/** Where the IPv4 address stands in an IPv6 address that holds one: of a translator (NAT64), or of a 6to4 gateway. */
const IPV4_AT: Record<string, number> = { rfc6052: 12, '6to4': 2 }

/** An IPv4 address itself, however it is written; the /64 of an IPv6 address, since that is what one household gets. */
export function networkOf(ip = ''): string {
  // Some proxies pass on the port too.
  const bare = ip.replace(/^\[(.+)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3')
  if (!ipaddr.isValid(bare)) return 'unknown'
  const address = ipaddr.process(bare)
  if (address.kind() === 'ipv4') return address.toString()
  const ipv4At = IPV4_AT[address.range()]
  if (ipv4At !== undefined) return ipaddr.fromByteArray(address.toByteArray().slice(ipv4At, ipv4At + 4)).toString()
  const bytes = address.toByteArray().map((byte, index) => (index < IPV6_NETWORK_BITS / 8 ? byte : 0))
  return ipaddr.fromByteArray(bytes).toString()
}

/** How much of an address is shown to people: enough to recognise a network, too little to point at one household. */
const SHOWN_BYTES = { ipv4: 3, ipv6: 6 } as const

/** About which network an address belongs to, for its owner to read: `203.0.113.x`, or the first 48 bits as `2001:db8:1:…`. */
export function aboutNetwork(ip = ''): string {
  const network = networkOf(ip)
  if (network === 'unknown') return network
  const address = ipaddr.parse(network)
  const bytes = address.toByteArray()
  if (address.kind() === 'ipv4') return `${bytes.slice(0, SHOWN_BYTES.ipv4).join('.')}.x`
  const groups = Array.from({ length: SHOWN_BYTES.ipv6 / 2 }, (_, index) =>
    ((bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0)).toString(16),
  )
  return `${groups.join(':')}:…`
}
