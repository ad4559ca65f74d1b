/** A browser of the fuzz: cookies, forms and nothing else, since a run sends a hundred thousand requests. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export type Answer = { status: number; headers: IncomingHttpHeaders; location: string; text: string; route: string }
export type Client = ReturnType<typeof openClient>
type Sent = { form?: Record<string, string> | string; json?: unknown; headers?: Record<string, string> }

/** How long an answer may take on a busy machine. */
const SILENCE_MS = 60_000
const BUSY_TRIES = 20

const agent = new Agent({ keepAlive: true, maxSockets: 32 })

type Cookie = { name: string; value: string; path: string }

export function openClient(url: string) {
  const { hostname, port } = new URL(url)
  let jar: Cookie[] = []

  function keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const path = /; Path=([^;]+)/.exec(line)?.[1] ?? '/'
      jar = jar.filter((cookie) => cookie.name !== name || cookie.path !== path)
      if (value !== '') jar.push({ name, value, path })
    }
  }

  function once(method: string, path: string, { form, json, headers = {} }: Sent): Promise<Answer> {
    const cookies = jar.filter((cookie) => path.startsWith(cookie.path)).map(({ name, value }) => `${name}=${value}`)
    const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
    const fields = typeof form === 'string' ? form : new URLSearchParams(form).toString()
    const body = json === undefined ? fields : JSON.stringify(json)
    const hasBody = method !== 'GET'
    const all = {
      ...(cookies.length > 0 ? { Cookie: cookies.join('; ') } : {}),
      ...(hasBody ? { Origin: url, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) } : {}),
      ...headers,
    }
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, path, method, headers: all, agent }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          keep(response.headers['set-cookie'] ?? [])
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            location: response.headers.location ?? '',
            text: Buffer.concat(chunks).toString(),
            route: `${method} ${path}`,
          })
        })
      })
      sent.setTimeout(SILENCE_MS, () => sent.destroy(new Error(`no answer to ${method} ${path}`)))
      sent.once('error', reject)
      sent.end(hasBody ? body : undefined)
    })
  }

  /** Comes back as it is told when there is no room, or the account has just changed; any other fault ends the run. */
  async function send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await once(method, path, sent)
      if (answer.status < 500) return answer
      if (answer.status !== 503 || tries === BUSY_TRIES) throw new Error(`${answer.route} answered ${answer.status}`)
      client.sentAway += 1
      await sleep(1_000 * Number(answer.headers['retry-after'] ?? 1))
    }
  }

  const client = {
    /** How often it was told to come back later. */
    sentAway: 0,
    send,
    get: (path: string, headers: Record<string, string> = {}) => send('GET', path, { headers }),
    call: (path: string, json: unknown) => send('POST', path, { json }),
    cookie: (name: string, path = '/') => jar.find((cookie) => cookie.name === name && cookie.path === path)?.value,
    /** Puts a cookie into the browser, as a thief does. */
    put(name: string, value: string | undefined, path = '/'): void {
      keep([`${name}=${value ?? ''}; Path=${path}`])
    },
    /** The token for a form of this page, or of any other page if this one has no form. */
    async token(page: string): Promise<string> {
      for (const path of [page, '/cookies', '/login']) {
        const token = /name="_csrf" value="([^"]+)"/.exec((await client.get(path)).text)?.[1]
        if (token !== undefined) return token
      }
      throw new Error(`no form on ${page}`)
    },
    /** Opens a page and sends a form of it. */
    async submit(page: string, fields: Record<string, string>, action = page): Promise<Answer> {
      const token = await client.token(page)
      return send('POST', action, { form: { ...fields, _csrf: token } })
    },
  }
  return client
}
