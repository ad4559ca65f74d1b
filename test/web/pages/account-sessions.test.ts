/** The devices that are logged in: how they are listed, and how they are logged out. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { deviceName } from '../../../src/base/device-name.ts'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { leads } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'
import { idWithin, sessionCookieOf, sessionsOf } from '../../support/sessions.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true })
const PAGE = '/account/sessions'
const MINUTE = 60_000

const PIXEL =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36'
const LAPTOP = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'

async function tableOf(browser: Browser) {
  const { text } = await browser.get(PAGE)
  return parse(text)
    .querySelectorAll('table tbody tr')
    .map((row) => ({
      cells: row.querySelectorAll('th, td').map((cell) => cell.text.replace(/\s+/g, ' ').trim()),
      times: row.querySelectorAll('td > time').map((time) => time.getAttribute('datetime') ?? ''),
      label: row.querySelector('button')?.text.replace(/\s+/g, ' ').trim() ?? '',
      action: row.querySelector('form')?.getAttribute('action') ?? '',
    }))
}
const press = (browser: Browser, action: string) => browser.submitTo(PAGE, action)

/** Somebody logged in on a phone five minutes ago, and on a laptop now. */
async function twoDevices() {
  const { person } = await learner(app, 'Ada')
  await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  const phone = openBrowser(app, { 'User-Agent': PIXEL, 'X-Forwarded-For': '203.0.113.7' })
  await phone.logIn(person, { remember: 'yes' })
  app.advance(5 * MINUTE)
  const laptop = openBrowser(app, { 'User-Agent': LAPTOP, 'X-Forwarded-For': '2001:db8::1' })
  await laptop.logIn(person)
  return { person, phone, laptop }
}

describe('the table', () => {
  it('[S22] names each device, when it logged in, when it was last active and from where, this one first', async () => {
    const { phone, laptop } = await twoDevices()
    const rows = await tableOf(laptop)
    assert.deepEqual(
      rows.map(({ cells: [device, , , address] }) => [device, address]),
      [
        ['Firefox on Windows This device', '2001:db8::1'],
        ['Chrome on Android', '203.0.113.7'],
      ],
    )
    for (const { times, label, cells } of rows) {
      assert.equal(times.length, 2)
      for (const time of times) assert.ok(Math.abs(Date.parse(time) - app.deps.now()) < 6 * MINUTE, time)
      const [device = ''] = cells
      const seen = new Date(times[1] ?? '').toISOString().slice(11, 16)
      const about = `Log out ${device.replace(' This device', '')}, last active `
      assert.ok(label.startsWith(about), label)
      assert.match(label.slice(about.length), new RegExp(`^\\d+ [A-Z][a-z]+ \\d{4}, ${seen} \\(UTC\\)$`))
    }
    const [first] = await tableOf(phone)
    assert.match(first?.cells[0] ?? '', /^Chrome on Android This device$/)
    const page = parse((await laptop.get(PAGE)).text)
    assert.equal(page.querySelector('caption')?.text, 'Where you are logged in')
    assert.deepEqual(
      page.querySelectorAll('thead th').map((cell) => cell.getAttribute('scope')),
      ['col', 'col', 'col', 'col', 'col'],
    )
    assert.deepEqual([...new Set(page.querySelectorAll('tbody th').map((cell) => cell.getAttribute('scope')))], ['row'])
  })

  it('[S22] shows nothing that opens a session', async () => {
    const { person, phone, laptop } = await twoDevices()
    const { refreshToken, token } = await firstPair(apiOf(app, phone))
    const { text } = await laptop.get(PAGE)
    const rows = await sessionsOf(app, person)
    const ids = [phone, laptop].map((browser) => idWithin(sessionCookieOf(browser)))
    const secrets = [
      ...ids,
      ...rows.map(({ sid }) => sid),
      refreshToken,
      token,
      createHash('sha256').update(refreshToken).digest('base64url'),
    ]
    for (const secret of secrets) assert.equal(text.includes(secret), false)
  })

  it('leaves out sessions that are over, and the button for others when there are none', async () => {
    const { phone, laptop } = await twoDevices()
    app.advance(125 * MINUTE)
    assert.equal(await laptop.whoAmI(), undefined)
    const rows = await tableOf(phone)
    assert.equal(rows.length, 1)
    assert.equal(parse((await phone.get(PAGE)).text).querySelector('#end-others-form'), null)
  })

  it('says when somebody logged in, also after the password was shown once more', async () => {
    const { person, phone } = await twoDevices()
    const [before] = await tableOf(phone)
    app.advance(60 * MINUTE)
    await phone.submit('/account/password-confirmation', { password: person.password })
    const [after] = await tableOf(phone)
    assert.equal(after?.times[0]?.slice(0, 16), before?.times[0]?.slice(0, 16))
    assert.notEqual(after?.times[1], before?.times[1])
  })
})

describe('logging out', () => {
  it('[S24] one device ends its session at once, with its refresh tokens', async () => {
    const { phone, laptop, person } = await twoDevices()
    const { refreshToken } = await firstPair(apiOf(app, phone))
    const [, other] = await tableOf(laptop)
    assert.deepEqual(leads(await press(laptop, other?.action ?? '')), [303, PAGE])
    assert.match((await laptop.get(PAGE)).text, /That device is logged out\./)
    assert.deepEqual(leads(await phone.get('/dashboard')), [303, '/login?next=%2Fdashboard'])
    assert.equal((await refresh(app, refreshToken)).status, 401)
    assert.equal(await laptop.whoAmI(), person.name)
    assert.equal((await press(laptop, other?.action ?? '')).status, 404)
  })

  it('all others leaves this one', async () => {
    const { person, phone, laptop } = await twoDevices()
    const { refreshToken } = await firstPair(apiOf(app, phone))
    const own = await firstPair(apiOf(app, laptop))
    assert.deepEqual(leads(await press(laptop, `${PAGE}/end-others`)), [303, PAGE])
    assert.match((await laptop.get(PAGE)).text, /All other devices are logged out\./)
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal((await refresh(app, refreshToken)).status, 401)
    assert.equal(await laptop.whoAmI(), person.name)
    assert.equal((await refresh(app, own.refreshToken)).status, 200)
    assert.deepEqual(leads(await press(laptop, `${PAGE}/end-others`)), [303, PAGE])
  })

  it('this one is logging out', async () => {
    const { laptop, phone, person } = await twoDevices()
    const [own] = await tableOf(laptop)
    assert.deepEqual(leads(await press(laptop, own?.action ?? '')), [303, '/logout'])
    assert.equal(await laptop.whoAmI(), undefined)
    assert.equal(await phone.whoAmI(), person.name)
  })

  it('[S23] another learner’s device, or none, is not found, and nothing happens', async () => {
    const { phone, laptop } = await twoDevices()
    const [, other] = await tableOf(laptop)
    const [, handle = ''] = /sessions\/(.*)\/end/.exec(other?.action ?? '') ?? []
    const { browser: ben } = await learner(app, 'Ben')
    const GARBAGE = [
      handle,
      handle.toUpperCase(),
      `${handle}%00`,
      `${handle}%20`,
      `${handle}'--`,
      '1%20OR%201=1',
      '*',
      '%25',
      'null',
      '00000000-0000-0000-0000-000000000000',
      idWithin(sessionCookieOf(laptop)),
      'x'.repeat(5_000),
    ]
    for (const each of GARBAGE) assert.equal((await press(ben, `${PAGE}/${each}/end`)).status, 404, each.slice(0, 40))
    assert.equal((await press(ben, `${PAGE}/%E0%A4%A/end`)).status, 400)
    for (const browser of [phone, laptop, ben]) assert.notEqual(await browser.whoAmI(), undefined)
    await press(ben, `${PAGE}/end-others`)
    for (const browser of [phone, laptop]) assert.equal(await browser.whoAmI(), 'Ada')
  })
})

describe('a device is called by what it says of itself', () => {
  const NAMES: [name: string, userAgent: string][] = [
    ['Chrome on Android', PIXEL],
    ['Firefox on Windows', LAPTOP],
    [
      'Chrome on Windows',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
    ],
    [
      'Edge on Windows',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0',
    ],
    [
      'Edge on Windows',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763',
    ],
    [
      'Edge on Android',
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0',
    ],
    [
      'Edge on iPhone',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 EdgiOS/131.0.0.0 Mobile/15E148 Safari/605.1.15',
    ],
    [
      'Opera on Mac',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 OPR/116.0.0.0',
    ],
    [
      'Samsung Internet on Android',
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36',
    ],
    [
      'Safari on Mac',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
    ],
    [
      'Safari on iPhone',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
    ],
    [
      'Safari on iPad',
      'Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
    ],
    [
      'Chrome on iPhone',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.0.0 Mobile/15E148 Safari/604.1',
    ],
    [
      'Firefox on iPhone',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/133.0 Mobile/15E148 Safari/605.1.15',
    ],
    ['Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0'],
    [
      'Chrome on ChromeOS',
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
    ],
    ['Lynx', 'Lynx/2.9.0 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8'],
    ['w3m', 'w3m/0.5.3+git20230121'],
    ['curl', 'curl/8.5.0'],
    ['Python', 'python-httpx/0.27.2'],
    ['Node.js', 'node'],
    ['A browser on Linux', 'Links (2.28; Linux 6.1 x86_64; GNU C 12.2; text)'],
    ['An unknown device', ''],
    ['An unknown device', '<script>alert(1)</script>'],
  ]
  for (const [name, userAgent] of NAMES) {
    it(`${name}: ${userAgent.slice(-40)}`, () => assert.equal(deviceName(userAgent), name))
  }
})
