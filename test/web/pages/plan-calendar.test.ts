/** The calendar at a secret address: given once, good for reading titles, and withdrawn by a button. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { mark, markAll, PROFILE, send } from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const WEEK = 7 * 24 * 60 * 60_000

const addressesOn = async (browser: Browser): Promise<{ shown: string | undefined; path: string }> => {
  const page = parse((await browser.get('/plan')).text)
  return {
    shown: page.querySelector('.address code')?.text,
    path: page.querySelector('a[href$=".ics"]')?.getAttribute('href') ?? '',
  }
}
const make = (browser: Browser) => browser.submitTo('/plan', '/plan/calendar')
const withdraw = (browser: Browser) => browser.submitTo('/plan', '/plan/calendar/withdraw')

async function planner(name: string) {
  const { browser, person } = await learner(app, name)
  await send(browser, '/profile', PROFILE)
  await browser.submit('/plan', { hours: '4' })
  await browser.get('/plan')
  await make(browser)
  return { browser, person, ...(await addressesOn(browser)) }
}

const program = openBrowser(app)
const titlesAt = async (path: string) =>
  [...(await program.get(path)).text.replace(/\r\n /g, '').matchAll(/^SUMMARY:(.*)\r$/gm)].map(([, title]) => title)

describe('the address of a calendar', () => {
  it('is there when it was asked for, shown once and whole', async () => {
    const { browser } = await learner(app, 'Ada')
    await browser.submit('/plan', { hours: '4' })
    await browser.get('/plan')
    assert.deepEqual(await addressesOn(browser), { shown: undefined, path: '' })
    const { status, headers } = await make(browser)
    assert.deepEqual([status, headers.location], [303, '/plan#calendar'])
    const { shown, path } = await addressesOn(browser)
    assert.match(path, /^\/plan\/calendar\/[A-Za-z0-9]{32}\.ics$/)
    assert.equal(shown, app.url + path)
    const again = parse((await browser.get('/plan')).text)
    assert.equal(again.querySelector('.address'), null)
    assert.match(again.text, /Your calendar has had a secret address since \d+ \w+/)
  })

  it('is known to nobody who reads the database', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await browser.submit('/plan', { hours: '4' })
    await browser.get('/plan')
    await make(browser)
    const stored = async () => {
      const rows = await app.sql<{ text: string }>`
        select coalesce(to_jsonb(p)::text, '') || coalesce((select json_agg(s.sess)::text from sessions s where s.user_id = u.id), '') as text
        from users u left join plans p on p.user_id = u.id where u.email = ${person.email}`
      return rows[0]?.text ?? ''
    }
    const waiting = await stored()
    const { path } = await addressesOn(browser)
    const token = path.split('/').at(-1)?.replace('.ics', '') ?? ''
    assert.equal(token.length, 32)
    assert.ok(!waiting.includes(token) && !(await stored()).includes(token))
  })

  it('is in no log, whether it is good, withdrawn, or not one at all', async () => {
    const { browser, path } = await planner('Ada')
    await program.get(path)
    await program.get(`${path}?x=1`)
    await withdraw(browser)
    await program.get(path)
    await program.get(path.replace('.ics', ''))
    await program.post(path)
    const token = path.split('/').at(-1)?.replace('.ics', '') ?? '-'
    assert.ok(!app.log().includes(token))
    assert.match(app.log(), /"route":"\/plan\/calendar\/:token\.ics"/)
  })
})

describe('the calendar', () => {
  it('is read without a login and without a cookie, and kept by no cache', async () => {
    const { path } = await planner('Ada')
    const { status, headers, text } = await openBrowser(app).get(path)
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'text/calendar; charset=utf-8')
    assert.equal(headers['cache-control'], 'private, no-store')
    assert.equal(headers['set-cookie'], undefined)
    assert.match(text, /^BEGIN:VCALENDAR\r\n[\s\S]*\r\nEND:VCALENDAR\r\n$/)
    assert.equal((await openBrowser(app).agent.head(path)).status, 200)
    assert.equal((await openBrowser(app).post(path)).status, 405)
  })

  it('holds titles and weeks, and nothing of the learner', async () => {
    const { path, person, browser } = await planner('Ada')
    const { text } = await program.get(path)
    const { id } = (await apiOf(app, browser).get('/api/me')).body.user
    for (const secret of [person.name, person.email, id]) assert.ok(!text.includes(secret), secret)
    const names = new Set(text.split('\r\n').flatMap((line) => /^([A-Z-]+)[:;]/.exec(line)?.[1] ?? []))
    assert.deepEqual([...names].sort(), [
      'BEGIN',
      'CALSCALE',
      'DTEND',
      'DTSTAMP',
      'DTSTART',
      'END',
      'METHOD',
      'PRODID',
      'REFRESH-INTERVAL',
      'SUMMARY',
      'TRANSP',
      'UID',
      'VERSION',
      'X-WR-CALNAME',
    ])
  })

  it('follows the plan at once: what is done goes, and the weeks begin with this one', async () => {
    const { browser, path } = await planner('Ada')
    assert.equal((await titlesAt(path))[0], 'Introduction to Physical AI and embodied intelligence')
    await mark(browser, 'f1', 'done')
    assert.equal((await titlesAt(path))[0], 'Why ROS 2? The evolution of robotic control')
    const start = async () => /DTSTART;VALUE=DATE:(\d+)/.exec((await program.get(path)).text)?.[1] ?? ''
    const before = await start()
    app.advance(WEEK)
    assert.ok((await start()) > before)
  })

  it('is empty while nobody knows how many hours there are', async () => {
    const { browser, path } = await planner('Ada')
    await browser.submit('/plan', { hours: '' })
    assert.deepEqual(await titlesAt(path), [])
  })

  it('ends with a new address, with its withdrawal, and with the account', async () => {
    const { browser, path, person } = await planner('Ada')
    await make(browser)
    const { path: newer } = await addressesOn(browser)
    assert.notEqual(newer, path)
    assert.deepEqual([(await program.get(path)).status, (await program.get(newer)).status], [404, 200])
    const { headers } = await withdraw(browser)
    assert.equal(headers.location, '/plan')
    assert.equal((await program.get(newer)).status, 404)
    assert.match((await browser.get('/plan')).text, /The address of your calendar is withdrawn/)
    assert.equal((await withdraw(browser)).status, 303)

    await make(browser)
    const { path: last } = await addressesOn(browser)
    await app.sql`delete from users where email = ${person.email}`
    assert.equal((await program.get(last)).status, 404)
  })

  it('is not to be had at an address that is nobody’s, however it is written', async () => {
    const { path } = await planner('Ada')
    const wrong = [
      '/plan/calendar/x.ics',
      path.replace(/.\.ics/, '.ics'),
      `${path.slice(0, -4)}%00.ics`,
      '/plan/calendar/..%2f..%2fdashboard.ics',
      path.toUpperCase(),
    ]
    for (const address of wrong) assert.equal((await program.get(address)).status, 404, address)
  })

  it('is another for another learner', async () => {
    const ada = await planner('Ada')
    const ben = await planner('Ben')
    await markAll(ben.browser, ['f1', 'r1'], 'done')
    assert.notEqual(ada.path, ben.path)
    assert.equal((await titlesAt(ada.path))[0], 'Introduction to Physical AI and embodied intelligence')
    assert.equal((await titlesAt(ben.path))[0], 'ROS 2 communication: topics\\, services and actions')
  })
})
