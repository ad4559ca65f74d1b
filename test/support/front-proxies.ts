/** Caddy and nginx in front of a server, as docs/deploy shows them, with a certificate for `localhost` of an own authority. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type SecureVersion } from 'node:tls'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { eventually, startTool } from './process.ts'
import { AUTHORITY } from './tls-proxy.ts'

const CERTIFICATE = join(ROOT, 'test/support/certificates/server.pem')
const KEY = join(ROOT, 'test/support/certificates/server-key.pem')
const NAME = 'learn.example.org'
const HANDSHAKE_MS = 5_000
const UPSTREAM = '127.0.0.1:3000'

export const PROXIES = ['caddy', 'nginx'] as const
type Kind = (typeof PROXIES)[number]
type Ports = { http: number; https: number; upstream: number }

export const isInstalled = (program: string): boolean => programAt(program) !== undefined

function programAt(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
}

/** Free ports for a proxy, and the address that people see. The server behind it is to listen on `ports.upstream`. */
export async function planProxy() {
  const ports: Ports = { http: await freePort(), https: await freePort(), upstream: await freePort() }
  return { ports, origin: `https://localhost:${ports.https}` }
}

/** Starts it. Ended after the test or test file. */
export async function startProxy(kind: Kind, ports: Ports) {
  const folder = mkdtempSync(join(tmpdir(), `matricula-${kind}-`))
  const shown = readFileSync(join(ROOT, 'docs/deploy', kind === 'caddy' ? 'Caddyfile' : 'nginx.conf'), 'utf8')
  const file = join(folder, 'configuration')
  writeFileSync(file, kind === 'caddy' ? caddyfile(shown, ports, folder) : nginxConf(shown, ports, folder))
  const args = kind === 'caddy' ? ['run', '--adapter', 'caddyfile', '--config', file] : ['-p', folder, '-c', file]
  const program = startTool(programAt(kind) ?? kind, args, { HOME: folder })
  after(() => rmSync(folder, { recursive: true, force: true }))
  await eventually(`${kind} to listen`, async () => {
    if (!program.isRunning()) throw new Error(program.written.err)
    return (await protocolAt(ports.https)) === 'h2'
  })
}

/** Folders may have spaces in their names. */
const quoted = (path: string): string => JSON.stringify(path)

function caddyfile(shown: string, { http, https, upstream }: Ports, folder: string): string {
  const own = [
    ...['admin off', 'skip_install_trust', 'default_bind 127.0.0.1', `http_port ${http}`, `https_port ${https}`],
    `storage file_system ${quoted(join(folder, 'storage'))}`,
  ]
  return `{\n\t${own.join('\n\t')}\n}\n${shown
    .replace(`${NAME} {`, `localhost {\n\ttls ${quoted(CERTIFICATE)} ${quoted(KEY)}`)
    .replace(UPSTREAM, `127.0.0.1:${upstream}`)}`
}

function nginxConf(shown: string, { http, https, upstream }: Ports, folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${quoted(join(folder, what))};`,
  )
  mkdirSync(join(folder, 'logs'))
  const sites = shown
    .replace(/^ *listen \[::\].*\n/gm, '')
    .replace('listen 80;', `listen 127.0.0.1:${http};`)
    .replace('listen 443', `listen 127.0.0.1:${https}`)
    .replaceAll(`server_name ${NAME}`, 'server_name localhost')
    .replace(/ssl_certificate \S+;/, `ssl_certificate ${quoted(CERTIFICATE)};`)
    .replace(/ssl_certificate_key \S+;/, `ssl_certificate_key ${quoted(KEY)};`)
    .replace(UPSTREAM, `127.0.0.1:${upstream}`)
  return [
    `daemon off; master_process off; pid ${quoted(join(folder, 'pid'))}; error_log stderr; events {}`,
    // As Debian sets it above all sites, with nothing of the system's OpenSSL to refuse the old versions instead.
    `http { access_log off; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers "DEFAULT:@SECLEVEL=0"; ${temporary.join(' ')}`,
    sites,
    '}',
  ].join('\n')
}

const authority = (): Buffer => readFileSync(AUTHORITY)

/** What both sides have agreed on by ALPN. */
function protocolAt(port: number): Promise<string | false | null> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: authority(),
      ALPNProtocols: ['h2'],
    })
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy(new Error('no handshake')))
    socket.once('error', reject).once('secureConnect', () => {
      resolve(socket.alpnProtocol)
      socket.destroy()
    })
  })
}

/** The version of TLS on which both sides agree, if the client speaks this one only. Undefined if the proxy refuses it. */
export function versionAt(origin: string, version: SecureVersion): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: Number(new URL(origin).port),
      servername: 'localhost',
      ca: authority(),
      minVersion: version,
      maxVersion: version,
      // Otherwise this side already refuses the old versions.
      ciphers: 'DEFAULT:@SECLEVEL=0',
    })
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy(new Error('no handshake')))
    socket
      .once('error', () => resolve(undefined))
      .once('secureConnect', () => {
        resolve(socket.getProtocol())
        socket.destroy()
      })
  })
}

export type Answer = { status: number; headers: IncomingHttpHeaders; text: string }

/** A client that speaks HTTP/2 over one connection, from an address of its own, and keeps cookies. */
export function openHttp2(origin: string, { from = '127.0.0.1' }: { from?: string } = {}) {
  const { hostname, port } = new URL(origin)
  const secure = { host: '127.0.0.1', port: Number(port), servername: hostname, ca: authority(), ALPNProtocols: ['h2'] }
  const session = connect(origin, {
    createConnection: () => connectTls({ ...secure, localAddress: from } as ConnectionOptions),
  })
  session.on('error', () => {})
  after(() => session.destroy())
  const cookies = new Map<string, string>()

  function ask(
    path: string,
    { form, headers = {} }: { form?: Record<string, string>; headers?: Record<string, string> },
  ) {
    return new Promise<Answer>((resolve, reject) => {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: form ? 'POST' : 'GET',
        [constants.HTTP2_HEADER_PATH]: path,
        ...(cookies.size > 0 ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {}),
        ...(form ? { 'content-type': 'application/x-www-form-urlencoded', origin } : {}),
        ...headers,
      })
      let received: IncomingHttpHeaders = {}
      let text = ''
      stream.setEncoding('utf8')
      stream.on('response', (given) => {
        received = given
      })
      stream.on('data', (chunk: string) => {
        text += chunk
      })
      stream.once('error', reject)
      stream.once('close', () => reject(new Error(`the stream was closed: ${stream.rstCode}`)))
      stream.once('end', () => {
        for (const cookie of received['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
          cookies.set(name, value)
        }
        resolve({ status: Number(received[':status']), headers: received, text })
      })
      stream.end(form ? new URLSearchParams(form).toString() : undefined)
    })
  }
  return {
    cookies,
    get: (path: string, headers: Record<string, string> = {}) => ask(path, { headers }),
    post: (path: string, form: Record<string, string>) => ask(path, { form }),
  }
}
