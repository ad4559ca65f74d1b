/** Endless uploads, malformed URLs and our own faults: each is answered in JSON, and the server keeps running. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  asOwnPage,
  assertPlainRefusal,
  call,
  cookieOf,
  operationsOf,
  refusalOf,
  writesOf,
} from '../../support/calls.ts'
import { sendBytes } from '../../support/raw-http.ts'

const app = await startApp({}, { atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const KILOBYTE = 1024
const LIMIT = 16 * KILOBYTE
const TEN_MEGABYTES = 10 * KILOBYTE * KILOBYTE
const TOO_LARGE = '{"code":"PAYLOAD_TOO_LARGE","message":"The body is longer than 16 KB"}'

const headOf = (path: string, more: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${more}\r\n\r\n`

const bodyOf = (answer: string) => answer.slice(answer.indexOf('\r\n\r\n') + 4)

describe('a body that does not name its type', () => {
  it('is no body, as behind Better Auth on Node', async () => {
    for (const [path, status, code] of [
      ['/api/auth/sign-up/email', 400, 'VALIDATION_ERROR'],
      ['/api/auth/sign-in/email', 400, 'VALIDATION_ERROR'],
      ['/api/auth/request-password-reset', 400, 'VALIDATION_ERROR'],
      ['/api/auth/sign-out', 200, undefined],
    ] as const) {
      const response = await fetch(app.url + path, {
        method: 'POST',
        headers: { Origin: app.url },
        body: new Blob([
          JSON.stringify({ email: 'ada@example.org', password: 'plain tidy copper lantern', name: 'Ada' }),
        ]),
      })
      assert.deepEqual([response.status, (await response.json()).code], [status, code], path)
    }
  })
})

describe('too much at once', () => {
  it('[P11] ten megabytes are refused as soon as they are announced, at every endpoint', async () => {
    // At once, since each connection is closed only after a moment.
    const writes = await writesOf(app)
    const answers = writes.map(({ path }) => sendBytes(app, headOf(path, `Content-Length: ${TEN_MEGABYTES}`)))
    for (const [index, answer] of (await Promise.all(answers)).entries()) {
      const path = writes[index]?.path
      assert.match(answer, /^HTTP\/1\.1 413 /, path)
      assert.match(answer, /\r\nContent-Type: application\/json\r\n/i, path)
      assert.equal(bodyOf(answer), TOO_LARGE, path)
    }
  })

  it('a length that is no number, or is given twice, is no request', async () => {
    for (const lengths of ['Content-Length: 1e3', 'Content-Length: -1', 'Content-Length: 2\r\nContent-Length: 3']) {
      assert.match(await sendBytes(app, headOf('/api/auth/sign-out', lengths)), /^HTTP\/1\.1 400 /, lengths)
    }
  })

  for (const path of ['/api/auth/sign-in/email', '/api/auth/sign-out', '/api/auth/refresh']) {
    it(`[X18] an upload without end to ${path} is answered at the limit, and cut`, async () => {
      const { answer, answeredAfter, sent } = await uploadWithoutEnd(path)
      assert.match(answer, /^HTTP\/1\.1 413 /)
      assert.ok(answer.includes(TOO_LARGE), answer)
      assert.ok(answeredAfter >= LIMIT, `answered after ${answeredAfter} bytes`)
      assert.ok(sent < TEN_MEGABYTES, `cut after ${sent} bytes`)
      assert.equal((await openApi(app).get('/api/auth/ok')).status, 200)
    })
  }

  it('[X13] a body that breaks off is refused, and nothing of it is logged', async () => {
    const logged = app.log().length
    const head = headOf('/api/auth/sign-in/email', 'Content-Length: 1000')
    await new Promise<void>((resolve) => {
      const socket = connect(app.port, '127.0.0.1', () => {
        socket.end(`${head}{"password":"hunter2"`)
      })
      socket.on('error', () => {})
      socket.resume().once('close', () => resolve())
    })
    assert.equal((await openApi(app).get('/api/auth/ok')).status, 200)
    const log = app.log().slice(logged)
    assert.ok(!log.includes('hunter2'), 'nothing of it is logged')
    assert.ok(!/"level":(50|60)/.test(log), 'it is no fault of ours')
  })
})

/** Sends chunks until the server closes the connection. */
function uploadWithoutEnd(path: string) {
  const piece = `${(4 * KILOBYTE).toString(16)}\r\n${'x'.repeat(4 * KILOBYTE)}\r\n`
  return new Promise<{ answer: string; answeredAfter: number; sent: number }>((resolve) => {
    const seen = { answer: '', answeredAfter: 0, sent: 0 }
    let closed = false
    const socket = connect(app.port, '127.0.0.1', async () => {
      socket.write(headOf(path, 'Transfer-Encoding: chunked'))
      while (!closed && seen.sent < 4 * TEN_MEGABYTES) {
        await new Promise<void>((done) => socket.write(piece, () => done()))
        seen.sent += 4 * KILOBYTE
        // The server runs in this process too, so give it a turn.
        await othersTurn()
      }
      socket.destroy()
    })
    socket.on('data', (data) => {
      if (seen.answer === '') seen.answeredAfter = seen.sent
      seen.answer += data.toString('utf8')
    })
    // The server is expected to cut the connection; `close` below notices it.
    socket.on('error', () => {})
    socket.once('close', () => {
      closed = true
      resolve(seen)
    })
  })
}

describe('an address that is damaged', () => {
  const PATHS: [path: string, status: number][] = [
    ['/api/auth/get-session?disableRefresh=1&disableRefresh=2', 400],
    ['/api/auth/verify-email', 400],
    ['/api/auth/verify-email?token=a&token=b', 400],
    ['/api/auth/verify-email?token[]=a', 400],
    ['/api/auth/verify-email?token=%00', 401],
    ['/api/auth/verify-email?token=%E0%A4%A', 401],
    [`/api/auth/verify-email?token=${'x'.repeat(10 * KILOBYTE)}`, 401],
    ['/api/auth/verify-email?token=x&callbackURL=%00', 403],
    ['/api/auth/verify-email?token=x&callbackURL=/%00', 403],
    ['/api/auth/reset-password/x?callbackURL=', 403],
    ['/api/auth/reset-password/%00', 400],
    ['/api/auth/reset-password/%E0%A4%A?callbackURL=/x', 400],
    ['/api/auth/reset-password/..%2f..%2fme?callbackURL=//evil.example', 403],
  ]
  for (const [path, status] of PATHS) {
    it(`${path.slice(0, 70)}: ${status}`, async () => {
      const answer = await call(app, path, { headers: asOwnPage(app, cookieOf(api)) })
      assertPlainRefusal(answer)
      assert.equal(answer.status, status)
    })
  }

  it('in a question that nobody asked is ignored', async () => {
    const headers = asOwnPage(app, cookieOf(api))
    for (const query of ['?', '?a=1&a=2', '?__proto__=1', '?x=%E0%A4%A', '?x=%00', `?x=${'x'.repeat(8_000)}`]) {
      assert.equal((await call(app, `/api/me${query}`, { headers })).status, 200, query)
    }
  })
})

describe('a fault of ours', () => {
  it('[X25] is told in JSON without a word of what it is, and logged under the id of its request', async () => {
    const faulty = await startApp({}, { atPublicUrl: true })
    const { api: client, person } = await apiLearner(faulty, 'Ada')
    const headers = asOwnPage(faulty, cookieOf(client))
    const operations = await operationsOf(faulty)
    await faulty.sql`alter table users rename column email_verified to renamed`
    const logged = faulty.log().length

    let faults = 0
    for (const { method, path } of operations.filter(({ needsSession }) => needsSession)) {
      const body = method === 'GET' ? undefined : { token: 'x', name: 'Eve', password: person.password }
      const answer = await call(faulty, path, { method, headers, body })
      // A body is checked before the session is looked up, so here the fault does not show.
      if (answer.status === 400) continue
      faults += 1
      assert.equal(answer.status, 500, path)
      assert.equal(answer.headers['content-type'], 'application/json')
      assert.equal(answer.headers['cache-control'], 'no-store')
      const refusal = { status: 500, code: 'INTERNAL_SERVER_ERROR', message: 'There is a problem with the service' }
      assert.deepEqual(refusalOf(answer), refusal)
      assert.deepEqual(Object.keys(JSON.parse(answer.text)), ['code', 'message'])
      const id = String(answer.headers['x-request-id'])
      assert.match(id, /^[\w.-]{8,64}$/)
      const lines = faulty
        .log()
        .slice(logged)
        .split('\n')
        .filter((line) => line.includes(id))
      assert.ok(
        lines.some((line) => line.includes('"level":50')),
        `${path} is logged`,
      )
    }
    assert.ok(faults > 8, `${faults} faults`)

    const { email, password } = person
    const signIn = await call(faulty, '/api/auth/sign-in/email', { body: { email, password } })
    assert.equal(signIn.status, 500)
    assert.equal(signIn.headers['set-cookie'], undefined)
    const log = faulty.log().slice(logged)
    for (const secret of [email, password]) assert.ok(!log.includes(secret), 'nothing personal is logged')
    // The process is still alive.
    assert.equal((await call(faulty, '/api/auth/ok')).status, 200)
    await faulty.sql`alter table users rename column renamed to email_verified`
    assert.equal((await client.get('/api/me')).status, 200)
  })
})
