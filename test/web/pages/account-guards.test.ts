/** Who may open the pages of the account and of mailed links, and which requests these accept. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, leads } from '../../support/mailed.ts'
import { learner, openBrowser } from '../../support/people.ts'
import { exchange } from '../../support/raw-http.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

type Page = { path: string; allow: string; forLearners: boolean; get?: number }
const HANDLE = 'a'.repeat(32)
const account = (path: string, allow = 'GET, POST, HEAD', get = 200): Page => ({ path, allow, forLearners: true, get })
const open = (path: string, allow = 'GET, POST, HEAD'): Page => ({ path, allow, forLearners: false })
const PAGES: Page[] = [
  account('/account'),
  account('/account/login-notices', 'POST', 405),
  account('/account/email-change'),
  account('/account/email-change/cancel', 'POST', 405),
  account('/account/password-change'),
  account('/account/password-confirmation'),
  account('/account/sessions', 'GET, HEAD'),
  account('/account/sessions/end-others', 'POST', 405),
  account(`/account/sessions/${HANDLE}/end`, 'POST', 405),
  account('/account/data-export'),
  account('/account/account-deletion'),
  open('/password-reset'),
  open('/password-reset/sent', 'GET, HEAD'),
  open('/password-reset/link/x', 'GET, HEAD'),
  open('/password-reset/new'),
  open('/password-reset/again', 'POST'),
  open('/email-verification'),
  open('/email-verification/sent', 'GET, HEAD'),
  open('/email-verification/link/x', 'GET, HEAD'),
  open('/email-verification/confirm'),
  open('/email-verification/confirmed', 'GET, HEAD'),
  open('/email-verification/new-password'),
  open('/email-verification/disown', 'POST'),
  open('/email-verification/disowned', 'GET, HEAD'),
  open('/email-verification/again', 'POST'),
  open('/not-me/link/x', 'GET, HEAD'),
  open('/not-me/confirm'),
  open('/goodbye', 'GET, HEAD'),
]

const everything = async () =>
  JSON.stringify(
    await Promise.all([
      app.sql`select * from users order by id`,
      app.sql`select sid from sessions order by sid`,
      app.sql`select * from email_tokens order by token_hash`,
      app.sql`select * from activity order by id`,
      app.sql`select key from rate_limits order by key`,
    ]),
  )

for (const { path, allow, forLearners, get } of PAGES) {
  describe(path.replace(HANDLE, ':handle'), () => {
    it(forLearners ? 'leads a visitor to the login and back' : 'has no login in front', async () => {
      const visitor = openBrowser(app)
      const { status, headers } = await visitor.get(path)
      if (!forLearners) return assert.doesNotMatch(headers.location ?? '', /login/)
      assert.deepEqual([status, headers.location], [303, `/login?next=${encodeURIComponent(path)}`])
      const sent = await visitor.submitTo('/login', path, { password: 'x', sure: 'yes', email: 'a@example.org' })
      assert.deepEqual(leads(sent), [303, '/login'])
    })

    it('is there for a learner', async () => {
      const { browser } = await learner(app, 'Ada')
      const { status, headers } = await browser.get(path)
      if (get !== undefined) assert.equal(status, get)
      assert.equal(headers['cache-control'], 'no-store')
    })

    it('takes no form without its token, or of another site, and changes nothing', async () => {
      const { person, browser } = await learner(app, 'Ada')
      const fields = {
        name: 'Eve',
        email: 'eve@evil.test',
        password: person.password,
        currentPassword: person.password,
        newPassword: 'seven quiet amber kites',
        sure: 'yes',
      }
      const token = await browser.token('/account')
      const foreign = await openBrowser(app).token('/login')
      const before = await everything()
      for (const body of [fields, { ...fields, _csrf: '' }, { ...fields, _csrf: foreign }]) {
        assert.equal((await browser.post(path, body)).status, 403)
      }
      const elsewhere = { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site' }
      assert.equal((await browser.post(path, { ...fields, _csrf: token }, elsewhere)).status, 403)
      assert.equal((await openBrowser(app).post(path, { ...fields, _csrf: token })).status, 403)
      assert.equal(await everything(), before)
      assert.equal(await browser.whoAmI(), person.name)
    })

    it('knows no other methods', async () => {
      const { browser } = await learner(app, 'Ada')
      const Cookie = `matricula=${browser.cookie('matricula')}`
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        const { status, headers } = await exchange(app, path, { method, headers: { Cookie } })
        assert.deepEqual([status, headers.allow], [405, allow], method)
      }
      if (!allow.includes('POST')) {
        const { status } = await browser.submitTo('/account', path)
        assert.equal(status, 405)
      }
    })
  })
}

it('what is not there is not found', async () => {
  const { browser } = await learner(app, 'Ada')
  const PATHS = [
    '/account/nothing',
    '/account/sessions/x',
    '/account/email-change/x',
    '/password-reset/x',
    '/password-reset/link',
    '/password-reset/link/a/b',
    '/email-verification/x',
    '/email-verification/link',
  ]
  for (const path of PATHS) {
    const page = await browser.get(path)
    assert.deepEqual([page.status, headingOf(page)], [404, 'Page not found'], path)
  }
})
