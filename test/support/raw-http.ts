/** Raw HTTP: methods and headers that the browser helper hides, and bytes that no client library would send. */
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { parse } from 'node-html-parser'
import type { TestApp } from './app.ts'
import { tokenOf } from './people.ts'

/** Long enough for a busy machine. A missing answer fails the test that waits for it. */
const SILENCE_MS = 10_000

export type Answer = { status: number; headers: IncomingHttpHeaders; bytes: Buffer; text: string }

/** Sends one request and returns the answer with all its headers. Adds no `Accept…` headers of its own. */
export function exchange(
  { port }: Pick<TestApp, 'port'>,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString('utf8') })
      })
    })
    sent.setTimeout(SILENCE_MS, () => sent.destroy(new Error(`no answer to ${method} ${path}`)))
    sent.once('error', reject)
    sent.end(body)
  })
}

/** Sends these bytes. Returns everything that came back until the server closed the connection. */
export function sendBytes({ port }: Pick<TestApp, 'port'>, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`still open after: ${JSON.stringify(answer)}`)))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
  })
}

/** A browser behind a proxy that ends TLS. Keeps its cookies itself: a jar would not send `Secure` ones over http. */
export function openSecureBrowser(app: Pick<TestApp, 'port'>) {
  const jar = new Map<string, string>()
  const browser = {
    /** Every `Set-Cookie` header so far. */
    setCookies: [] as string[],
    cookieHeader: () => [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
    async send(method: string, path: string, fields?: Record<string, string>): Promise<Answer> {
      const answer = await exchange(app, path, {
        method,
        headers: {
          'X-Forwarded-Proto': 'https',
          ...(jar.size > 0 ? { Cookie: browser.cookieHeader() } : {}),
          ...(fields ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}),
        },
        ...(fields ? { body: new URLSearchParams(fields).toString() } : {}),
      })
      for (const line of answer.headers['set-cookie'] ?? []) {
        browser.setCookies.push(line)
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (value === '') jar.delete(name)
        else jar.set(name, value)
      }
      return answer
    },
    async submit(page: string, action: string, fields: Record<string, string> = {}): Promise<Answer> {
      const { text } = await browser.send('GET', page)
      return browser.send('POST', action, { ...fields, _csrf: tokenOf(text) })
    },
    async whoAmI(): Promise<string | undefined> {
      return parse((await browser.send('GET', '/')).text).querySelector('.site-nav-name')?.text
    },
  }
  return browser
}
