/** Writes for somebody whose account is deleted at the same time: nothing is written, and it is no server error. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { duringDeletion } from '../../support/deletion.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, headingOf, NEW_PASSWORD, open, RESET, VERIFY } from '../../support/mailed.ts'
import {
  type Browser,
  learner,
  openBrowser,
  PASSWORD,
  type Person,
  problemsOf,
  type Response,
  somebody,
} from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

type Way = {
  name: string
  /** Prepares what the owner or a visitor will send. Returns the function that sends it. */
  send: (own: { browser: Browser; visitor: Browser; person: Person }) => Promise<() => PromiseLike<Response>>
  /** Checks what they are told. */
  told: (response: Response) => void
}

const leadsTo =
  (place: string) =>
  ({ status, headers }: Response) =>
    assert.deepEqual([status, headers.location], [303, place])
const refused =
  (status: number, code: string) =>
  ({ status: given, body }: Response) =>
    assert.deepEqual([given, body.code], [status, code])
const saysTheLinkIsDead = (response: Response) => {
  assert.equal(response.status, 410)
  assert.equal(headingOf(response), 'This account is gone')
}

/** Opens the page now; the returned function sends its form later. */
const form =
  (who: 'browser' | 'visitor', page: string, fields: (person: Person) => Record<string, string>): Way['send'] =>
  async (own) => {
    const token = await own[who].token(page)
    return () => own[who].post(page, { ...fields(own.person), _csrf: token })
  }
const call =
  (who: 'browser' | 'visitor', path: string, body: (person: Person) => object): Way['send'] =>
  async (own) =>
  () =>
    who === 'browser' ? apiOf(app, own.browser).post(path, body(own.person)) : openApi(app).post(path, body(own.person))
const newAddress = () => somebody('New').email

const WAYS: Way[] = [
  {
    name: 'asking for a link to reset the password, which is answered as for an unknown address',
    send: form('visitor', '/password-reset', ({ email }) => ({ email })),
    told: leadsTo('/password-reset/sent'),
  },
  {
    name: 'asking for one through the API',
    send: call('visitor', '/api/auth/request-password-reset', ({ email }) => ({ email })),
    told: ({ status, body }) => assert.deepEqual([status, body.status], [200, true]),
  },
  {
    name: 'asking as a visitor for a link to confirm the address',
    send: form('visitor', '/email-verification', ({ email }) => ({ email })),
    told: leadsTo('/email-verification/sent'),
  },
  {
    name: 'asking for a link to confirm the own address',
    send: form('browser', '/email-verification', () => ({})),
    told: leadsTo('/goodbye'),
  },
  {
    name: 'asking for one through the API, whose answer is always the same',
    send: call('browser', '/api/auth/send-verification-email', ({ email }) => ({ email })),
    told: ({ status, body }) => assert.deepEqual([status, body.status], [200, true]),
  },
  {
    name: 'asking for another address',
    send: form('browser', '/account/email-change', () => ({ email: newAddress() })),
    told: leadsTo('/goodbye'),
  },
  {
    name: 'asking for another address through the API',
    send: call('browser', '/api/auth/change-email', () => ({ newEmail: newAddress() })),
    told: refused(401, 'UNAUTHORIZED'),
  },
  {
    name: 'a copy of everything',
    send: form('browser', '/account/data-export', () => ({})),
    told: leadsTo('/goodbye'),
  },
  {
    name: 'another name',
    send: form('browser', '/account', () => ({ name: 'Ada King' })),
    told: leadsTo('/goodbye'),
  },
  {
    name: 'another name through the API',
    send: call('browser', '/api/auth/update-user', () => ({ name: 'Ada King' })),
    told: refused(401, 'UNAUTHORIZED'),
  },
  {
    name: 'a login, which is refused as for an unknown address',
    send: form('visitor', '/login', ({ email, password }) => ({ email, password })),
    told({ status, text }) {
      assert.equal(status, 422)
      assert.deepEqual(problemsOf(text), [{ href: '#email', message: 'Email or password is incorrect' }])
    },
  },
  {
    name: 'a login through the API',
    send: call('visitor', '/api/auth/sign-in/email', ({ email, password }) => ({ email, password })),
    told: refused(401, 'INVALID_EMAIL_OR_PASSWORD'),
  },
  {
    name: 'a login with a wrong password',
    send: form('visitor', '/login', ({ email }) => ({ email, password: NEW_PASSWORD })),
    told: ({ status }) => assert.equal(status, 422),
  },
  {
    name: 'ending the other devices',
    send: async ({ browser }) => {
      const token = await browser.token('/account/sessions')
      return () => browser.post('/account/sessions/end-others', { _csrf: token })
    },
    told: leadsTo('/account/sessions'),
  },
  {
    name: 'another password',
    send: form('browser', '/account/password-change', ({ password }) => ({
      currentPassword: password,
      newPassword: NEW_PASSWORD,
    })),
    told: ({ status }) => assert.equal(status, 422),
  },
  {
    name: 'the first refresh token',
    send: call('browser', '/api/auth/refresh-token', () => ({})),
    told: refused(401, 'UNAUTHORIZED'),
  },
  {
    name: 'the next refresh token',
    async send({ browser }) {
      const { refreshToken } = (await apiOf(app, browser).post('/api/auth/refresh-token', {})).body
      return () => openApi(app).post('/api/auth/refresh', { refreshToken })
    },
    told: refused(401, 'INVALID_REFRESH_TOKEN'),
  },
  {
    name: 'a link that confirms the address',
    async send({ visitor, person }) {
      await open(visitor, await mailbox.letterTo(person.email, VERIFY.subject))
      const token = await visitor.token(VERIFY.page)
      return () => visitor.post(VERIFY.page, { password: PASSWORD, _csrf: token })
    },
    told: saysTheLinkIsDead,
  },
  {
    name: 'a link that changes the address',
    async send({ browser, visitor }) {
      await open(visitor, await askForChange(browser, mailbox, newAddress()))
      const token = await visitor.token(VERIFY.page)
      return () => visitor.post(VERIFY.page, { password: PASSWORD, _csrf: token })
    },
    told: saysTheLinkIsDead,
  },
  {
    name: 'a link that sets a new password',
    async send({ visitor, person }) {
      await open(visitor, await askForReset(visitor, mailbox, person.email))
      const token = await visitor.token(RESET.page)
      return () => visitor.post(RESET.page, { password: NEW_PASSWORD, _csrf: token })
    },
    told: saysTheLinkIsDead,
  },
]

describe('while the account is being deleted', () => {
  for (const { name, send, told } of WAYS) {
    it(name, async () => {
      const { browser, person } = await learner(app, 'Ada')
      const own = { browser, visitor: openBrowser(app), person }
      const request = await send(own)
      told(await duringDeletion(app, person.email, request))
      const left = await app.sql`select 1 as one from users where email = ${person.email}`
      assert.deepEqual([...left], [])
      assert.equal((await browser.get('/dashboard')).headers.location, '/login?next=%2Fdashboard')
    })
  }

  it('nothing of it is a fault in the log, nor left behind in the table of mails', async () => {
    assert.doesNotMatch(app.log(), /request failed|activity not recorded|23503/)
    await eventually('all mails to be sent', async () => {
      const waiting = await app.sql`select 1 as one from outbox`
      return waiting.length === 0
    })
  })
})
