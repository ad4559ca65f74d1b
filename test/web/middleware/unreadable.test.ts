/** Requests that Node cannot parse: the sender sees the whole answer before the connection ends. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { startApp } from '../../support/app.ts'

const app = await startApp()

type Seen = { text: string; error: string | undefined; ended: boolean }

/** Sends the text and waits until the server has closed the connection. */
function send(text: string): Promise<Seen> {
  return new Promise((resolve) => {
    const seen: Seen = { text: '', error: undefined, ended: false }
    const socket = connect(app.port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      seen.text += chunk
    })
    socket.on('end', () => {
      seen.ended = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.error = error.code
    })
    socket.on('close', () => resolve(seen))
  })
}

const request = (more: string) => `GET / HTTP/1.1\r\nHost: a\r\n${more}\r\n\r\n`
const CASES: Record<string, { text: string; status: RegExp; says: RegExp }> = {
  'a header of 20 KB': {
    text: request(`X: ${'a'.repeat(20_000)}`),
    status: /^HTTP\/1\.1 431 /,
    says: /Delete the cookies/,
  },
  'a header of 100 KB': {
    text: request(`X: ${'a'.repeat(100_000)}`),
    status: /^HTTP\/1\.1 431 /,
    says: /Delete the cookies/,
  },
  'a header of 900 KB': {
    text: request(`X: ${'a'.repeat(900_000)}`),
    status: /^HTTP\/1\.1 431 /,
    says: /Delete the cookies/,
  },
  'something else': { text: `${'nonsense '.repeat(100)}\r\n\r\n`, status: /^HTTP\/1\.1 400 /, says: /cannot be read/ },
  'a name with a space': { text: request('X y: z'), status: /^HTTP\/1\.1 400 /, says: /cannot be read/ },
}

describe('an answer is seen by whoever sends', () => {
  for (const [name, { text, status, says }] of Object.entries(CASES)) {
    it(name, async () => {
      for (let times = 0; times < 5; times += 1) {
        const seen = await send(text)
        assert.match(seen.text, status)
        assert.match(seen.text, says)
        assert.deepEqual({ error: seen.error, ended: seen.ended }, { error: undefined, ended: true })
        const [head = '', body = ''] = seen.text.split('\r\n\r\n')
        assert.equal(Number(/content-length: (\d+)/i.exec(head)?.[1]), body.length)
        assert.match(head, /cache-control: no-store/i)
      }
      assert.equal((await fetch(`${app.url}/health/live`)).status, 200)
    })
  }

  it('and who never stops sending is cut off', async () => {
    const seen = await send(request(`X: ${'a'.repeat(5_000_000)}`))
    assert.ok(seen.error !== undefined || seen.ended)
    assert.equal((await fetch(`${app.url}/health/live`)).status, 200)
  })
})
