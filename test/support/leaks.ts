/** Checks that secrets never leave the app: looks through all answers and logs of every test app. */
import type { ServerResponse } from 'node:http'
import { COOKIES, cookieName } from '../../src/web/session/cookies.ts'
import { PASSWORD } from './people.ts'

/** The cookies that the page about cookies lists, under their names on plain http and over TLS. */
const LISTED = new Map(
  Object.values(COOKIES).flatMap((cookie) => [true, false].map((secure) => [cookieName(cookie, secure), cookie])),
)

/** A bcrypt hash anywhere in a text. */
const HASH = /\$2[aby]\$\d\d\$/
/** A signed token (RFC 7519). */
const JWT = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/

export function createLeakWatch() {
  const sessionIds = new Set<string>()
  const devices = new Set<string>()
  const tokens = new Set<string>()
  const leaks: string[] = []

  function noteCookies(res: ServerResponse): void {
    for (const cookie of [res.getHeader('set-cookie') ?? []].flat().map(String)) {
      const [, id] = /^(?:__Host-)?matricula=s%3A([\w-]{20,})\./.exec(cookie) ?? []
      if (id) sessionIds.add(id)
      const [, device] = /^(?:__Host-)?matricula-device=([\w-]+)/.exec(cookie) ?? []
      if (device) devices.add(device)
      const [name = '', rest = ''] = cookie.split(/=(.*)/s)
      const listed = LISTED.get(name)
      const [, age] = /; Max-Age=(\d+)/.exec(rest) ?? []
      if (listed === undefined) leaks.push(`a cookie that no page names: ${name}`)
      else if (age && 1000 * Number(age) > ('lastsMs' in listed ? listed.lastsMs : 0))
        leaks.push(`${name} lasts longer than the page says`)
    }
  }

  function look(body: string, path: string): void {
    for (const [, token = ''] of body.matchAll(/"refreshToken":"([\w-]{20,})"/g)) tokens.add(token)
    if (HASH.test(body)) leaks.push(`a hash in ${path}`)
    if (body.includes(PASSWORD)) leaks.push(`a password in ${path}`)
    for (const id of devices) if (body.includes(id)) leaks.push(`a device in ${path}`)
    for (const id of sessionIds) if (body.includes(id)) leaks.push(`a session id in ${path}`)
  }

  return {
    /** Records what this response writes and checks it. */
    watch(res: ServerResponse, path: string): void {
      const { write, end } = res
      const chunks: string[] = []
      const keep = (chunk: unknown) => {
        if (typeof chunk === 'string' || Buffer.isBuffer(chunk)) chunks.push(String(chunk))
      }
      res.write = ((...given: Parameters<typeof write>) => {
        keep(given[0])
        return write.apply(res, given)
      }) as typeof res.write
      res.end = ((...given: Parameters<typeof end>) => {
        keep(given[0])
        const result = end.apply(res, given)
        noteCookies(res)
        look(chunks.join(''), path.split('?')[0] ?? '')
        return result
      }) as typeof res.end
    },
    /** Everything that has leaked, also into the log. `mailed`: the tokens in the mails that the `mailbox` got. */
    found(log: string, mailed: readonly string[] = []): string[] {
      const inLog = [
        HASH.test(log) && 'a hash in the log',
        JWT.test(log) && 'an access token in the log',
        log.includes(PASSWORD) && 'a password in the log',
        ...[...sessionIds].map((id) => log.includes(id) && 'a session id in the log'),
        ...[...devices].map((id) => log.includes(id) && 'a device in the log'),
        ...[...tokens].map((token) => log.includes(token) && 'a refresh token in the log'),
        ...mailed.map((token) => log.includes(token) && 'a mailed token in the log'),
      ].filter((leak) => leak !== false)
      return [...new Set([...leaks, ...inLog])]
    },
  }
}
