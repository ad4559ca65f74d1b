/** The address of a database, as libpq writes it: it may name several hosts, of which one takes writes. */
import { accessSync, constants } from 'node:fs'
import { isDecodable, parseUrl } from './variables.ts'

export type Address = { host: string; port: number }

/**
 * What a host must be, so that it is used: `read-write` takes writes by itself, `primary` is no stand-by, `any` is not
 * looked at.
 */
export const TARGETS = ['read-write', 'primary', 'any'] as const
export type Target = (typeof TARGETS)[number]

export type DatabaseUrl = {
  addresses: readonly [Address, ...Address[]]
  target: Target
  /** With the first host only. For user, password, database and parameters. */
  url: URL
}

const DEFAULT_PORT = 5432
const NAMELESS = 'nameless'
const FORM =
  'must be a URL like postgres://user:password@host/database, with %25 for a %, %23 for a # and %2F for a / in a password'
const SEVERAL =
  'must have a host, or a host and a port from 1 to 65535, between any two commas: postgres://user:password@one:5432,two:5432/database'

/** Scheme and user, then the hosts, then the rest. An @ in a password counts as part of it, as for the parser of URLs. */
const PARTS = /^\s*(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/is

/** Reads the address. Returns in words what is wrong with it if it cannot be used, without anything of its text. */
export function readDatabaseUrl(text: string): DatabaseUrl | string {
  const [, front = '', list = '', rest = ''] = PARTS.exec(text) ?? []
  // Without a name here it may stand in the parameters, but an address with a user must have one to be parsed.
  const urls = (list === '' ? [NAMELESS] : list.split(',')).map((host) => parseUrl(front + host + rest))
  const [url] = urls
  const wrong = list.includes(',') ? SEVERAL : FORM
  if (front === '' || url === undefined || !urls.every((each) => each !== undefined)) return wrong
  if (url.hash !== '' || !isDecodable(url.username + url.password + url.pathname)) return FORM
  if (!urls.every(({ hostname }) => hostname === '' || isDecodable(hostname))) return wrong

  // Hosts in a parameter come first, for they may be folders with a socket.
  const hosts =
    url.searchParams.get('host')?.split(',') ??
    urls.map(({ hostname }) => (list === '' ? '' : decodeURIComponent(hostname).replace(/^\[|\]$/g, '')))
  const ports = url.searchParams.get('port')?.split(',') ?? ['']
  if (ports.length !== 1 && ports.length !== hosts.length) {
    return 'must have one port for all hosts, or as many as hosts'
  }
  const [first, ...others] = hosts.map((host, index) => {
    const port = (urls.length === 1 ? url : urls[index])?.port || (ports.length === 1 ? ports[0] : ports[index])
    return { host, port: Number(port || DEFAULT_PORT) }
  })
  const isPort = ({ port }: Address) => Number.isInteger(port) && port >= 1 && port <= 65_535
  if (first === undefined || ![first, ...others].every((each) => each.host !== '' && isPort(each))) {
    return hosts.length > 1 ? SEVERAL : FORM
  }
  const target = targetOf(url, hosts.length)
  if (target === undefined) {
    return `must have ${TARGETS.slice(0, -1).join(', ')} or ${TARGETS.at(-1)} as its target_session_attrs, since Matricula writes`
  }
  return { addresses: [first, ...others], target, url }
}

/** Of several hosts only one takes writes, and nothing works with another. So that is what is looked for by itself. */
function targetOf({ searchParams }: URL, hosts: number): Target | undefined {
  const said = searchParams.get('target_session_attrs') ?? (hosts > 1 ? 'read-write' : 'any')
  return TARGETS.find((target) => target === said)
}

/** The address that the configuration has checked. @throws when it cannot be read. */
export function databaseUrlOf(text: string): DatabaseUrl {
  const read = readDatabaseUrl(text)
  if (typeof read === 'string') throw new Error(`The address of the database ${read}`)
  return read
}

/** The same address for another role, which has this password. */
export function addressFor(text: string, { user, password }: { user: string; password: string }): string {
  const [, front = '', list = '', rest = ''] = PARTS.exec(text) ?? []
  const scheme = front.slice(0, front.indexOf('//') + 2)
  return `${scheme}${encodeURIComponent(user)}:${encodeURIComponent(password)}@${list}${rest}`
}

/** The file with the operator's own certificate authority, as libpq calls it. `system` means the usual ones. */
export function authorityOf(url: URL): string | undefined {
  const file = url.searchParams.get('sslrootcert')
  return file === null || file === 'system' ? undefined : file
}

/** Whether the file that the URL of a database names in sslrootcert can be read. True if it names none. */
export function hasReadableAuthority(databaseUrl: string): boolean {
  const read = readDatabaseUrl(databaseUrl)
  const authority = typeof read === 'string' ? undefined : authorityOf(read.url)
  return authority === undefined || isReadable(authority)
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}
