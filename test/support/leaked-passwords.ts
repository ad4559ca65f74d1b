/** A service on this machine that knows leaked passwords, and answers as Have I Been Pwned does. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { after } from 'node:test'

export type LeakService = Awaited<ReturnType<typeof startLeakService>>

/** What the service says to one question; `line` is that of the password, `padding` lines that count 0. */
export type Behaviour = (res: ServerResponse, said: { line: string; padding: string }) => void

const digestOf = (password: string): string => createHash('sha1').update(password).digest('hex').toUpperCase()

const PADDING = Array.from({ length: 800 }, (_, index) => `${index.toString(16).toUpperCase().padStart(35, '0')}:0`)

/** As the real one answers: many lines, in the order of their digits, ended by CR and LF. */
const honest: Behaviour = (res, { line, padding }) => {
  res.setHeader('Content-Type', 'text/plain')
  res.end(`${padding}\r\n${line}`)
}

export async function startLeakService(...leaked: string[]) {
  const asked: { method: string; path: string; headers: IncomingHttpHeaders }[] = []
  const digests = leaked.map(digestOf)
  const service = {
    url: '',
    /** Every question so far. */
    asked,
    behaviour: honest,
    honest,
  }
  const server = createServer((req, res) => {
    const path = req.url ?? ''
    asked.push({ method: req.method ?? '', path, headers: req.headers })
    const prefix = path.split('/').at(-1) ?? ''
    const lines = digests.filter((digest) => digest.startsWith(prefix)).map((digest) => `${digest.slice(5)}:42`)
    service.behaviour(res, { line: lines.join('\r\n'), padding: PADDING.join('\r\n') })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  service.url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/range`
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return service
}

/** The five digits of the SHA-1 that the service is asked with. They must be in no log. */
export const prefixOf = (password: string): string => digestOf(password).slice(0, 5)
