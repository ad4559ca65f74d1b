/** Forms that are sent while the database is away come back as they were, and sent again they are saved, once. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp, type TestApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { encode, type Given, PROFILE, passAll } from '../../support/learning.ts'
import {
  type Browser,
  learner,
  openBrowser,
  PASSWORD,
  type Person,
  problemsOf,
  somebody,
} from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'

const url = await createDatabase()
/** Reads what is stored, also while the way of the others is cut. */
const beside = await startApp({}, { databaseUrl: url })

async function start() {
  const proxy = await startProxy(url)
  return { proxy, app: await startApp({}, { databaseUrl: proxy.url }) }
}

type Sent = { path: string; fields: Given; secrets?: Record<string, string>; page?: string }

/** What a browser would send of this form of a page, without a button and a password. */
function formIn(html: string, path: string): Given {
  const form = parse(html).querySelector(`main form[action="${path}"]`)
  assert.ok(form, `a form for ${path}`)
  const held: Record<string, string[]> = {}
  for (const input of form.querySelectorAll('input')) {
    const { name = '', type = '', value = '' } = input.attributes
    if (type === 'password' || (['radio', 'checkbox'].includes(type) && !input.hasAttribute('checked'))) continue
    held[name] = [...(held[name] ?? []), value]
  }
  // Browsers ignore a line break right after `<textarea>`.
  for (const area of form.querySelectorAll('textarea')) {
    held[area.getAttribute('name') ?? ''] = [area.textContent.replace(/^\n/, '')]
  }
  return held
}

const tokenIn = (html: string, path: string): string => [formIn(html, path)._csrf ?? ''].flat().join()

async function open(browser: Browser, { path, page = path }: Sent): Promise<string> {
  return tokenIn((await browser.get(page)).text, path)
}

/** Sends the form while the database is away. Returns what the form on the answer holds. */
async function meetOutage(browser: Browser, sent: Sent, { token }: { token: string }): Promise<Given> {
  const { path, fields, secrets = {} } = sent
  const answer = await browser.post(path, encode({ ...fields, ...secrets, _csrf: token }))
  assert.equal(answer.status, 503)
  assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.match(answer.text, /The service is out of reach for a moment/)
  for (const secret of Object.values(secrets)) assert.equal(answer.text.includes(secret), false)
  const kept = formIn(answer.text, path)
  for (const [name, value] of Object.entries(fields)) assert.deepEqual([kept[name]].flat(), [value].flat(), name)
  return kept
}

const send = (browser: Browser, { path, secrets = {} }: Sent, kept: Given) =>
  browser.post(path, encode({ ...kept, ...secrets }))

const rowsOf = async (sql: TestApp['sql'], { email }: Person) =>
  sql<{ lessonId: string; state: string; before: string | null }>`
    select lesson_id, state, before from progress join users on users.id = user_id where email = ${email}`

const usersOf = (email: string) => beside.sql`select id from users where email = ${email}`

describe('a visitor', () => {
  it('keeps the address and the choice of a login, and is logged in afterwards', async () => {
    const { proxy, app } = await start()
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const fields = { email: person.email, remember: 'yes', next: '/profile' }
    const sent = { path: '/login', fields, secrets: { password: PASSWORD } }
    const token = await open(browser, sent)
    proxy.cut()
    const kept = await meetOutage(browser, sent, { token })
    // For as long as it takes.
    await meetOutage(browser, sent, { token: [kept._csrf ?? ''].flat().join() })
    await proxy.heal()
    await eventually('the login to succeed', async () => {
      const { status, headers } = await send(browser, sent, kept)
      return status === 303 && headers.location === '/profile'
    })
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('who still has the cookie of an old session keeps them too', async () => {
    const { proxy, app } = await start()
    const { person, browser } = await learner(app, 'Ada')
    const sent = { path: '/login', fields: { email: person.email }, secrets: { password: PASSWORD } }
    await beside.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
    const token = await open(browser, sent)
    proxy.cut()
    const kept = await meetOutage(browser, sent, { token })
    await proxy.heal()
    await eventually('the login to succeed', async () => (await send(browser, sent, kept)).status === 303)
  })

  it('is told at the address field when to try again', async () => {
    const { proxy, app } = await start()
    const browser = openBrowser(app)
    const token = await browser.token('/login')
    proxy.cut()
    const login = { email: somebody('Ada').email, password: PASSWORD, _csrf: token }
    const { text } = await browser.post('/login', login)
    assert.deepEqual(problemsOf(text), [
      { href: '#email', message: 'The service is out of reach for a moment. Try again in 5 seconds' },
    ])
    assert.ok(parse(text).querySelector('#login-form [data-send-in="5"]'), 'the script counts down')
  })

  it('keeps name and address of a sign-up, and has one account afterwards', async () => {
    const { proxy, app } = await start()
    const { name, email, password } = somebody('Ada')
    const browser = openBrowser(app)
    const sent = { path: '/sign-up', fields: { name, email }, secrets: { password } }
    const token = await open(browser, sent)
    proxy.cut()
    const kept = await meetOutage(browser, sent, { token })
    await proxy.heal()
    await eventually('the sign-up to succeed', async () => (await send(browser, sent, kept)).status === 303)
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('whose account was made before the answer was lost has one, and is logged in by the same form', async () => {
    const { proxy, app } = await start()
    const { name, email, password } = somebody('Ada')
    const browser = openBrowser(app)
    const sent = { path: '/sign-up', fields: { name, email }, secrets: { password } }
    const token = await open(browser, sent)
    // After the three messages that describe the statement it is carried out.
    proxy.cutWithin('insert into users', 3)
    const kept = await meetOutage(browser, sent, { token })
    assert.equal(proxy.isStillToCut(), false)
    await eventually('the account to be there', async () => (await usersOf(email)).length === 1)
    await eventually('the sign-up to succeed', async () => (await send(browser, sent, kept)).status === 303)
    assert.equal((await usersOf(email)).length, 1)
    assert.equal(await browser.whoAmI(), 'Ada')
  })
})

describe('a learner', () => {
  const FORMS: Record<string, Sent> = {
    'an answer of onboarding': {
      path: '/onboarding/goals',
      fields: { projectGoals: 'career', projectGoalsText: 'A robot that folds <b>laundry</b>', from: 'check' },
      page: '/onboarding/goals?from=check',
    },
    'several answers of one question': {
      path: '/onboarding/languages',
      fields: { programmingLanguages: ['python', 'rust'] },
    },
    'all answers of the profile': { path: '/profile', fields: PROFILE },
    'the button of a lesson': {
      path: '/lessons/f1/progress',
      fields: { state: 'done', from: 'lesson' },
      page: '/lessons/f1',
    },
    'the hours of a week': { path: '/plan', fields: { hours: '4', from: 'plan' } },
    'a name': { path: '/account', fields: { name: 'Ada “Countess” Lovelace' } },
  }
  for (const [name, sent] of Object.entries(FORMS)) {
    it(`keeps ${name}, and it is saved afterwards`, async () => {
      const { proxy, app } = await start()
      const { person, browser } = await learner(app, 'Ada')
      await passAll(browser)
      const token = await open(browser, sent)
      proxy.cut()
      const kept = await meetOutage(browser, sent, { token })
      assert.deepEqual(kept._csrf, [token])
      await proxy.heal()
      await eventually('the form to be taken', async () => (await send(browser, sent, kept)).status === 303)
      const page = await browser.get(sent.page ?? sent.path)
      assert.equal(page.status, 200)
      if (sent.path.startsWith('/lessons')) {
        assert.deepEqual([...(await rowsOf(beside.sql, person))], [{ lessonId: 'f1', state: 'done', before: null }])
        return
      }
      const saved = formIn(page.text, sent.path)
      for (const [field, value] of Object.entries(sent.fields)) {
        if (field !== 'from') assert.deepEqual([saved[field]].flat(), [value].flat(), field)
      }
    })
  }

  it('whose mark was saved before the answer was lost has it once, and undo goes back to before', async () => {
    const { proxy, app } = await start()
    const { person, browser } = await learner(app, 'Ada')
    const sent = { path: '/lessons/f1/progress', fields: { state: 'done', from: 'lesson' }, page: '/lessons/f1' }
    const token = await open(browser, sent)
    await send(browser, sent, { ...sent.fields, state: 'started', _csrf: token })
    proxy.cutWithin('insert into progress', 0)
    const kept = await meetOutage(browser, sent, { token })
    const marked = [{ lessonId: 'f1', state: 'done', before: 'started' }]
    await eventually('the mark to be there', async () => (await rowsOf(beside.sql, person))[0]?.state === 'done')
    await eventually('the form to be taken', async () => (await send(browser, sent, kept)).status === 303)
    assert.deepEqual([...(await rowsOf(beside.sql, person))], marked)
  })

  it('saves looked-through answers once, when the answer to that was lost', async () => {
    const { proxy, app } = await start()
    const { person, browser } = await learner(app, 'Ada')
    await passAll(browser)
    const page = formIn((await browser.get('/onboarding/check')).text, '/onboarding/check')
    const [token = ''] = [page._csrf ?? ''].flat()
    const sent = { path: '/onboarding/check', fields: { seen: page.seen ?? '' } }
    proxy.cut()
    const kept = await meetOutage(browser, sent, { token })
    await proxy.heal()
    await eventually('the answers to be taken', async () => (await send(browser, sent, kept)).status === 303)
    const rows = await beside.sql<{ draft: object | null }>`
      select draft from profiles join users on users.id = user_id where email = ${person.email}`
    assert.deepEqual([...rows], [{ draft: null }])
  })

  it('gets back what belongs to the form, and nothing else', async () => {
    const { proxy, app } = await start()
    const { browser } = await learner(app, 'Ada')
    const _csrf = await browser.token('/account')
    proxy.cut()
    const sent = { name: 'Ada', password: 'put in by a program', 'x"><script>': 'y', _csrf }
    const { text } = await browser.post('/account', encode(sent))
    assert.deepEqual(formIn(text, '/account'), { name: ['Ada'], _csrf: [_csrf] })
    assert.doesNotMatch(text, /put in by a program/)
  })

  it('is not helped to send what somebody else has put into the form', async () => {
    const { proxy, app } = await start()
    const { browser } = await learner(app, 'Ada')
    proxy.cut()
    const fields = { state: 'dismissed', from: '"><script>alert(1)</script>', _csrf: 'made up' }
    const answer = await browser.post('/lessons/f1/progress', fields)
    assert.equal(answer.status, 503)
    assert.equal(answer.text.includes('<script>alert'), false)
    const kept = formIn(answer.text, '/lessons/f1/progress')
    assert.deepEqual(kept._csrf, ['made up'])
    await proxy.heal()
    await eventually(
      'the form to be refused',
      async () => (await browser.post('/lessons/f1/progress', encode(kept))).status === 403,
    )
    const foreign = await browser.post('/lessons/f1/progress', fields, { 'Sec-Fetch-Site': 'cross-site' })
    assert.equal(foreign.status, 403)
  })
})
