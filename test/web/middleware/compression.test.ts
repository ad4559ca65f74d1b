/** Pages are compressed only where nothing that somebody else chose stands beside a secret (BREACH). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { PROFILE } from '../../support/learning.ts'
import { learner } from '../../support/people.ts'
import { exchange } from '../../support/raw-http.ts'
import { COOKIE, sessionCookieOf } from '../../support/sessions.ts'

const app = await startApp()

describe('the dashboard', async () => {
  const { browser } = await learner(app, 'Ada')
  await apiOf(app, browser).put('/api/profile', PROFILE)
  const Cookie = `${COOKIE}=${sessionCookieOf(browser)}`
  const get = (path: string, encoding?: string, method = 'GET') =>
    exchange(app, path, {
      method,
      headers: { Cookie, ...(encoding === undefined ? {} : { 'Accept-Encoding': encoding }) },
    })
  // The first one may show a message, once.
  const plain = await get('/dashboard').then(() => get('/dashboard'))

  it('is the same page, in less than 10 KB', async () => {
    const packed = await get('/dashboard', 'gzip, deflate, br')
    assert.equal(packed.headers['content-encoding'], 'gzip')
    assert.equal(Number(packed.headers['content-length']), packed.bytes.length)
    assert.equal(gunzipSync(packed.bytes).toString('utf8'), plain.text)
    assert.ok(packed.bytes.length < 10 * 1024, `${packed.bytes.length} bytes`)
  })

  for (const encoding of [undefined, '', 'identity', 'br', 'gzip;q=0', '*;q=0']) {
    it(`is not compressed for Accept-Encoding: ${encoding}`, async () => {
      const answer = await get('/dashboard', encoding)
      assert.equal(answer.headers['content-encoding'], undefined)
      assert.equal(answer.text, plain.text)
    })
  }

  it('[B06] says that it depends on the cookie and the encoding, either way', async () => {
    for (const encoding of ['gzip', 'identity']) {
      const { headers } = await get('/dashboard', encoding)
      assert.equal(headers.vary, 'Cookie, Accept-Encoding')
      assert.equal(headers['cache-control'], 'no-store')
    }
  })

  it('has no body for HEAD', async () => {
    const { status, bytes, headers } = await get('/dashboard', 'gzip', 'HEAD')
    assert.deepEqual([status, bytes.length, headers['content-encoding']], [200, 0, 'gzip'])
  })

  for (const path of ['/dashboard?', '/dashboard?q=what-somebody-chose', '/dashboard?a=1&b=2']) {
    it(`is not compressed when somebody may have chosen a part of its address: ${path}`, async () => {
      const answer = await get(path, 'gzip')
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['content-encoding'], undefined)
    })
  }
})

describe('a form that comes back', () => {
  it('is never compressed: what was sent stands in it', async () => {
    const { browser } = await learner(app, 'Ada')
    const body = new URLSearchParams({ _csrf: await browser.token('/profile'), projectGoalsText: 'x'.repeat(5_000) })
    const { status, headers, text } = await exchange(app, '/profile', {
      method: 'POST',
      headers: {
        Cookie: `${COOKIE}=${sessionCookieOf(browser)}`,
        'Content-Type': 'application/x-www-form-urlencoded',
        'Accept-Encoding': 'gzip',
      },
      body: body.toString(),
    })
    assert.equal(status, 422)
    assert.ok(text.length > 14_000, 'it is long enough')
    assert.equal(headers['content-encoding'], undefined)
  })
})
