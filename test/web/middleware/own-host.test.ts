/** In production the server answers to its own names only. At any other name there is a page that leads to the right one. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { exchange, sendBytes } from '../../support/raw-http.ts'

const SITE = BEHIND_TLS.PUBLIC_URL
const TLS = { 'X-Forwarded-Proto': 'https' }
const app = await startApp({
  ...BEHIND_TLS,
  NODE_ENV: 'production',
  ALLOWED_HOSTS: 'www.example.org, [2001:db8::1], 192.0.2.7',
})
const developing = await startApp()

/** The status of a request with this line and these lines of a head, sent as they are. */
async function statusOf(target: string, head: string[], version = '1.1'): Promise<number> {
  const lines = [`GET ${target} HTTP/${version}`, ...head, 'X-Forwarded-Proto: https', 'Connection: close']
  return Number((await sendBytes(app, `${lines.join('\r\n')}\r\n\r\n`)).slice(9, 12))
}

describe('a host that is ours', () => {
  for (const host of [
    'learn.example.org',
    'LEARN.Example.ORG',
    'learn.example.org:443',
    'learn.example.org:8080',
    'learn.example.org:',
    'learn.example.org.',
    'learn.example.org.:443',
    'www.example.org',
    '[2001:db8::1]',
    '[2001:DB8:0:0::1]:443',
    '192.0.2.7:443',
    // The names of this machine, since the connection comes from it.
    'localhost:3000',
    '127.0.0.1',
    '[::1]:3000',
  ]) {
    it(host, async () => {
      assert.equal(await statusOf('/login', [`Host: ${host}`]), 200)
      assert.equal(await statusOf('/api/auth/ok', [`Host: ${host}`]), 200)
    })
  }
})

describe('a host that is not', () => {
  for (const host of [
    'evil.test',
    'evil.test:443',
    'evil.learn.example.org',
    'learn.example.org.evil.test',
    'evil.test.learn.example.org',
    'learn.example.orgs',
    'example.org',
    'learn.example.org..',
    'learn.example.org:evil.test',
    'learn.example.org:99999',
    'learn.example.org:-1',
    'learn.example.org:443:443',
    'evil.test@learn.example.org',
    'learn.example.org@evil.test',
    'learn.example.org/evil',
    'learn.example.org?evil',
    'learn.example.org#evil',
    'learn.example.org\\evil',
    'learn.example.org, evil.test',
    'learn.example.org evil.test',
    'https://learn.example.org',
    '%6cearn.example.org',
    '\u00ecearn.example.org',
    'learn.example.org%00',
    '[2001:db8::2]',
    '2001:db8::1',
    '[2001:db8::1',
    '[2001:db8::1]evil.test',
    '[::ffff:192.0.2.7]',
    '192.0.2.8',
    'localhost.evil.test',
    '127.0.0.1.evil.test',
    '',
    '.',
    ':443',
    'x'.repeat(5_000),
  ]) {
    it(host.slice(0, 80) || 'without a name', async () => {
      for (const path of ['/login', '/', '/nowhere', '/api/auth/ok', '/api/auth/jwks', '/api/nowhere']) {
        assert.equal(await statusOf(path, [`Host: ${host}`]), 421, path)
      }
    })
  }

  it('beside one that is', async () => {
    assert.equal(await statusOf('/login', ['Host: learn.example.org', 'Host: evil.test']), 421)
    assert.equal(await statusOf('/login', ['Host: evil.test', 'Host: learn.example.org']), 421)
    assert.equal(await statusOf('/login', ['Host: learn.example.org', 'Host: learn.example.org']), 421)
  })

  it('is not made ours by a header for proxies', async () => {
    const headers = { ...TLS, Host: 'evil.test', 'X-Forwarded-Host': 'learn.example.org', Forwarded: `host=${SITE}` }
    assert.equal((await exchange(app, '/login', { headers })).status, 421)
  })

  it('nor ours made another', async () => {
    const headers = { ...TLS, Host: 'learn.example.org', 'X-Forwarded-Host': 'evil.test' }
    assert.equal((await exchange(app, '/login', { headers })).status, 200)
  })

  it('is none in a request of HTTP 1.0', async () => {
    assert.equal(await statusOf('/login', [], '1.0'), 421)
    assert.equal(await statusOf('/login', ['Host: learn.example.org'], '1.0'), 200)
  })
})

describe('a request line with a whole address', () => {
  for (const [target, host, status] of [
    ['https://learn.example.org/login', 'learn.example.org', 200],
    ['HTTP://LEARN.example.org:443/login', 'learn.example.org', 200],
    ['http://evil.test/login', 'learn.example.org', 421],
    ['http://evil.test/login', 'evil.test', 421],
    ['http://learn.example.org/login', 'evil.test', 421],
    ['http://learn.example.org@evil.test/login', 'learn.example.org', 421],
    ['http://evil.test:80?/login', 'learn.example.org', 421],
    ['//evil.test/login', 'learn.example.org', 404],
  ] as const) {
    it(`${target} to ${host} gets ${status}`, async () => {
      assert.equal(await statusOf(target, [`Host: ${host}`]), status)
    })
  }
})

describe('at another name', () => {
  const headers = { ...TLS, Host: 'evil.test' }

  it('health checks are answered, since a host asks by whatever address it knows', async () => {
    assert.equal((await exchange(app, '/health/live', { headers })).status, 200)
    assert.equal((await exchange(app, '/health/ready', { headers })).status, 200)
  })

  it('a person finds a calm page, which leads to the right address and names no other', async () => {
    const { status, headers: answered, text } = await exchange(app, '/login?next=/account', { headers })
    assert.equal(status, 421)
    assert.equal(answered['cache-control'], 'no-store')
    assert.equal(answered['set-cookie'], undefined)
    const page = parse(text)
    assert.equal(page.querySelector('h1')?.text, 'This site has another address')
    assert.match(page.querySelector('main')?.text ?? '', /This site is at https:\/\/learn\.example\.org\./)
    const links = page.querySelectorAll('a').map((link) => link.getAttribute('href') ?? '')
    assert.ok(links.includes(`${SITE}/`))
    for (const link of links) assert.ok(link === '#main' || link.startsWith(`${SITE}/`), link)
    assert.ok(!text.includes('evil.test'))
  })

  it('the page has its stylesheet', async () => {
    const { text } = await exchange(app, '/login', { headers })
    const path = parse(text).querySelector('link[rel=stylesheet]')?.getAttribute('href') ?? ''
    assert.equal((await exchange(app, path, { headers })).status, 200)
  })

  it('a program is told the right one, and so is a script of a trusted origin', async () => {
    const { status, headers: answered, text } = await exchange(app, '/api/auth/get-session', { headers })
    assert.equal(status, 421)
    assert.equal(answered['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(text), {
      code: 'MISDIRECTED_REQUEST',
      message: 'This host name is not of this server',
      detail: `This server answers to ${SITE}.`,
    })
  })

  it('a form is not taken', async () => {
    const sent = { method: 'POST', headers: { ...headers, Origin: 'https://evil.test' }, body: 'email=a&password=b' }
    assert.equal((await exchange(app, '/login', sent)).status, 421)
  })

  it('a plain request is not sent on to a page behind TLS either', async () => {
    assert.equal((await exchange(app, '/login', { headers: { Host: 'evil.test' } })).status, 421)
    assert.equal((await exchange(app, '/login', { headers: { Host: 'learn.example.org' } })).status, 308)
  })

  it('the operator is told once an hour which name it was, and which are ours', async () => {
    const linesOf = (log: string) => log.split('\n').filter((line) => line.includes('for another host was refused'))
    assert.equal(linesOf(app.log()).length, 1)
    app.advance(60 * 60_000)
    await exchange(app, '/login', { headers: { ...TLS, Host: `${'x'.repeat(3_000)}.test` } })
    await exchange(app, '/login', { headers })
    const [, line = ''] = linesOf(app.log())
    assert.equal(linesOf(app.log()).length, 2)
    assert.deepEqual(JSON.parse(line).received, ['x'.repeat(100)])
    assert.deepEqual(JSON.parse(line).expected, ['learn.example.org', 'www.example.org', '[2001:db8::1]', '192.0.2.7'])
  })
})

it('in development any name will do', async () => {
  assert.equal((await exchange(developing, '/login', { headers: { Host: 'my-laptop.local:3000' } })).status, 200)
})
