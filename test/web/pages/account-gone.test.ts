/** An account is deleted while its owner's form is on the way: there is nobody left to save an answer for. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { duringDeletion } from '../../support/deletion.ts'
import { ANSWERS, CHECK, encode, hiddenIn, PROFILE, passAll, saveAnswers } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, NEW_PASSWORD, pathOf } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Person } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

const FORMS: { path: string; fields: Record<string, string | readonly string[]> }[] = [
  { path: '/onboarding/focus', fields: ANSWERS.focus ?? {} },
  { path: '/onboarding/focus', fields: { action: 'skip' } },
  { path: '/profile', fields: PROFILE },
  { path: '/lessons/f1/progress', fields: { state: 'done' } },
]

describe('an account that is deleted while a form is on the way', () => {
  const STATES: Record<string, (browser: Browser) => Promise<unknown>> = {
    'nothing was answered': async () => {},
    'all was answered': (browser) => passAll(browser),
    'all was saved': (browser) => passAll(browser).then(() => saveAnswers(browser)),
  }

  for (const [state, prepare] of Object.entries(STATES)) {
    for (const { path, fields } of FORMS) {
      it(`leads to the page that says so, when ${state}: ${path} with ${encode(fields).slice(0, 40)}`, async () => {
        const { browser, person } = await learner(app, 'Ada')
        await prepare(browser)
        const body = encode({ ...fields, _csrf: await browser.token('/help') })
        const { status, headers } = await duringDeletion(app, person.email, () => browser.post(path, body))
        assert.deepEqual([status, headers.location], [303, '/goodbye'])
        assert.equal((await browser.get('/dashboard')).headers.location, '/login?next=%2Fdashboard')
      })
    }
  }

  it('leads to the page that says so from the page of all answers', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await passAll(browser)
    const body = encode(hiddenIn(parse((await browser.get(CHECK)).text), '#save-answers-form'))
    const { status, headers } = await duringDeletion(app, person.email, () => browser.post(CHECK, body))
    assert.deepEqual([status, headers.location], [303, '/goodbye'])
  })

  it('is 401 for a program, by cookie and by token', async () => {
    for (const prepare of Object.values(STATES)) {
      for (const [path, body] of [
        ['/api/profile', {}],
        ['/api/progress/f1', { state: 'done' }],
      ] as const) {
        for (const byToken of [false, true]) {
          const { browser, person } = await learner(app, 'Ada')
          await prepare(browser)
          const api = apiOf(app, browser)
          const token = await api.token()
          const stranger = apiOf(app, openBrowser(app))
          const put = () =>
            byToken ? stranger.put(path, body, { Authorization: `Bearer ${token}` }) : api.put(path, body)
          const answer = await duringDeletion(app, person.email, put)
          assert.deepEqual([answer.status, answer.body.code], [401, 'UNAUTHORIZED'], `${path} ${byToken}`)
        }
      }
    }
  })

  it('is an unknown address for whoever asks for a mail to it', async () => {
    for (const page of ['/password-reset', '/email-verification']) {
      const { person } = await learner(app, 'Ada')
      const visitor = openBrowser(app)
      const body = encode({ email: person.email, _csrf: await visitor.token(page) })
      const { status, headers } = await duringDeletion(app, person.email, () => visitor.post(page, body))
      assert.deepEqual([status, headers.location], [303, `${page}/sent`])
    }
    for (const path of ['/api/auth/request-password-reset', '/api/auth/send-verification-email']) {
      const { person } = await learner(app, 'Ada')
      const stranger = apiOf(app, openBrowser(app))
      const answer = await duringDeletion(app, person.email, () => stranger.post(path, { email: person.email }))
      assert.equal(answer.status, 200)
    }
  })

  const LINKS: Record<string, (browser: Browser, person: Person) => Promise<{ path: string; body: object }>> = {
    'a new password': async (browser, person) => {
      await browser.get(pathOf(await askForReset(browser, mailbox, person.email)))
      return { path: '/password-reset/new', body: { password: NEW_PASSWORD } }
    },
    'a confirmed address': async (browser, person) => {
      await browser.get(pathOf(await mailbox.letterTo(person.email, /Confirm/)))
      return { path: '/email-verification/confirm', body: { password: person.password } }
    },
  }
  for (const [name, open] of Object.entries(LINKS)) {
    it(`takes the link along that would have led to ${name}`, async () => {
      const { person } = await learner(app, 'Ada')
      const visitor = openBrowser(app)
      const { path, body } = await open(visitor, person)
      const form = encode({ ...body, _csrf: await visitor.token(path) })
      const { status } = await duringDeletion(app, person.email, () => visitor.post(path, form))
      assert.equal(status, 410)
    })
  }

  for (const [path, fields] of [
    ['/account/email-change', { email: 'elsewhere@example.org' }],
    ['/account/email-change/cancel', {}],
    ['/account/data-export', {}],
    ['/account', { name: 'Adah' }],
    ['/account/sessions/end-others', {}],
  ] as const) {
    it(`leads to the login in the end from ${path}`, async () => {
      const { browser, person } = await learner(app, 'Ada')
      const body = encode({ ...fields, _csrf: await browser.token('/help') })
      const { status } = await duringDeletion(app, person.email, () => browser.post(path, body))
      assert.equal(status, 303)
      assert.equal((await browser.get('/account')).headers.location, '/login?next=%2Faccount')
    })
  }

  it('is a login that has to be tried again, and then is none', async () => {
    const { person } = await learner(app, 'Ada')
    const visitor = openBrowser(app)
    const body = encode({ ...person, _csrf: await visitor.token('/login') })
    const { status } = await duringDeletion(app, person.email, () => visitor.post('/login', body))
    assert.ok([422, 503].includes(status), String(status))
    assert.equal((await visitor.logIn(person)).status, 422)
  })

  it('is 401 for a program that asks for a refresh token, and 200 for one that asks for a mail', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const api = apiOf(app, browser)
    const answer = await duringDeletion(app, person.email, () => api.post('/api/auth/refresh-token', {}))
    assert.deepEqual([answer.status, answer.body.code], [401, 'UNAUTHORIZED'])
  })

  it('is no fault of ours in the log', () => {
    assert.doesNotMatch(app.log(), /"level":50/)
  })
})
