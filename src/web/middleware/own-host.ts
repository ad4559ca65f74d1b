/** Requests that name another host than ours (RFC 9110 sections 7.2, 7.4 and 15.5.20). */
import type { Request, RequestHandler } from 'express'
import { hostName, isLoopback } from '../../config/variables.ts'
import type { Deps } from '../../deps.ts'
import { serveAssets } from './assets.ts'
import { HttpError, isForPrograms, renderError } from './errors.ts'

const LOGGED_MAX = 100

/**
 * Answers 421 to a request for a host that is not ours. Somebody else's name may lead here, by a mistake or to show our
 * pages as theirs. Ours are those of PUBLIC_URL and ALLOWED_HOSTS, with any port, which a proxy may change. The machine's own
 * names count where the connection comes from the machine itself: from a proxy that names its upstream, or a program. A
 * request of HTTP 1.1 that names none gets 400 (RFC 9112 section 3.2).
 */
export function requireOwnHost({ config, log, firstThisHour }: Deps): RequestHandler {
  const { ownHosts, issuer } = config
  return (req, res, next) => {
    if (req.httpVersion !== '1.0' && req.headers.host === undefined) {
      res.setHeader('Connection', 'close')
      throw new HttpError(400)
    }
    if (ownHosts === undefined) return next()
    const fromHere = isHere(req.socket.remoteAddress)
    const isOurs = (name: string | undefined) =>
      name !== undefined && (ownHosts.has(name) || (fromHere && isLoopback(`http://${name}`)))
    const names = namesIn(req)
    if (names.every(isOurs)) return next()

    // The page that says so needs its stylesheet.
    serveAssets(req, res, () => {
      if (firstThisHour('foreign host')) {
        const received = names.map((name) => name?.slice(0, LOGGED_MAX) ?? null)
        log.warn({ requestId: req.id, received, expected: [...ownHosts] }, 'a request for another host was refused')
      }
      if (isForPrograms(req.path)) throw new HttpError(421, { detail: `This server answers to ${issuer}.` })
      const text = `Nothing is wrong with what you did: another address led here. This site is at ${issuer}.`
      renderError(req, res, 421, { title: 'This site has another address', text, site: issuer })
    })
  }
}

/** Every host that the request names. Undefined stands for one that is not there, doubled, or not written as a host is. */
function namesIn(req: Request): (string | undefined)[] {
  const [host = '', ...more] = req.headersDistinct.host ?? []
  const name = more.length === 0 ? hostName(host) : undefined
  // A request line with a whole address names one too, and that one counts (RFC 9112 section 3.2.2).
  const [, authority] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(req.originalUrl) ?? []
  return authority === undefined ? [name] : [name, hostName(authority)]
}

const isHere = (address = ''): boolean => /^(::ffff:)?127\.|^::1$/.test(address)
