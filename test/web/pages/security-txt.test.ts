/** /.well-known/security.txt, by which whoever finds a fault learns whom to tell (RFC 9116). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { learner } from '../../support/people.ts'
import { exchange } from '../../support/raw-http.ts'

const PATH = '/.well-known/security.txt'
const CONTACTS = 'security@example.org, https://example.org/report, tel:+49-30-1234'
const DAY_MS = 24 * 60 * 60_000

const app = await startApp(
  { SECURITY_CONTACT: CONTACTS, SECURITY_POLICY: 'https://example.org/security' },
  { atPublicUrl: true },
)
const silent = await startApp()
const short = await startApp({ SECURITY_CONTACT: 'mailto:security@example.org' })
const secure = await startApp({ ...BEHIND_TLS, SECURITY_CONTACT: CONTACTS })

const fieldsOf = (text: string): [name: string, value: string][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, name = '', value = ''] = /^([A-Z][A-Za-z-]+): (\S.*)$/.exec(line) ?? assert.fail(line)
      return [name, value]
    })
const valuesOf = (text: string, field: string) =>
  fieldsOf(text)
    .filter(([name]) => name === field)
    .map(([, value]) => value)

describe('somebody who has found a fault', () => {
  it('reads whom to tell, in which language, where this stands and what happens then', async () => {
    const { status, headers, text } = await exchange(app, PATH)
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
    assert.deepEqual(valuesOf(text, 'Contact'), [
      'mailto:security@example.org',
      'https://example.org/report',
      'tel:+49-30-1234',
    ])
    assert.deepEqual(valuesOf(text, 'Preferred-Languages'), ['en'])
    assert.deepEqual(valuesOf(text, 'Canonical'), [app.url + PATH])
    assert.deepEqual(valuesOf(text, 'Policy'), ['https://example.org/security'])
    assert.equal(valuesOf(text, 'Expires').length, 1)
  })

  it('reads no more than the operator has said', async () => {
    const { text } = await exchange(short, PATH)
    assert.deepEqual(
      fieldsOf(text).map(([name]) => name),
      ['Contact', 'Expires', 'Preferred-Languages'],
    )
    assert.deepEqual(valuesOf(text, 'Contact'), ['mailto:security@example.org'])
  })

  it('may look for it without fetching it, and do nothing else', async () => {
    const { bytes, text } = await exchange(app, PATH)
    const head = await exchange(app, PATH, { method: 'HEAD' })
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(bytes.length)])
    assert.notEqual(text, '')
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status, headers } = await exchange(app, PATH, { method })
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method)
    }
  })

  it('finds none where the operator has named nobody', async () => {
    assert.equal((await exchange(silent, PATH)).status, 404)
  })

  it('reads it behind TLS only, where the site is', async () => {
    assert.equal((await exchange(secure, PATH)).status, 400)
    const { status, text } = await exchange(secure, PATH, { headers: { 'X-Forwarded-Proto': 'https' } })
    assert.equal(status, 200)
    assert.deepEqual(valuesOf(text, 'Canonical'), [`https://learn.example.org${PATH}`])
  })
})

describe('the file', () => {
  it('is good for less than a year from any day, and the same for a month', async () => {
    const seen = new Set<string>()
    const months = new Set<string>()
    for (let day = 0; day < 380; day += 1) {
      const { text } = await exchange(app, PATH)
      const now = app.deps.now()
      const [expires = ''] = valuesOf(text, 'Expires')
      assert.match(expires, /^\d{4}-\d{2}-01T00:00:00Z$/)
      const left = Date.parse(expires) - now
      assert.ok(left > 300 * DAY_MS && left < 365 * DAY_MS, `${left / DAY_MS} days are left`)
      seen.add(expires)
      months.add(new Date(now).toISOString().slice(0, 7))
      app.advance(DAY_MS)
    }
    assert.equal(seen.size, months.size)
  })

  it('is the same for everybody, sets no cookie, and may be kept for a day', async () => {
    const { browser } = await learner(short, 'Ada')
    const seen = await browser.get(PATH)
    const { text, headers } = await exchange(short, PATH)
    assert.equal(seen.text, text)
    assert.equal(seen.headers['set-cookie'], undefined)
    assert.deepEqual([headers['cache-control'], headers.vary], ['public, max-age=86400', undefined])
  })
})
