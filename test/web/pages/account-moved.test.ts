/** Pages of the account that had other addresses before: links in mails and open forms still arrive. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { learner, openBrowser } from '../../support/people.ts'

const app = await startApp()
const { browser } = await learner(app, 'Ada')

const MOVED: Record<string, string> = {
  '/account/email': '/account/email-change',
  '/account/password': '/account/password-change',
  '/account/confirm?next=/account/sessions?a': '/account/password-confirmation?next=/account/sessions?a',
  '/account/export': '/account/data-export',
  '/account/delete': '/account/account-deletion',
}

describe('an old address', () => {
  for (const [old, page] of Object.entries(MOVED)) {
    it(`leads to the page: ${old}`, async () => {
      for (const who of [browser, openBrowser(app)]) {
        const { status, headers } = await who.get(old)
        assert.deepEqual([status, headers.location], [308, page])
      }
      assert.notEqual((await browser.get(page)).status, 404)
    })
  }

  it('keeps the method of a form that is open', async () => {
    for (const old of ['/account/email', '/account/email/cancel']) {
      const { status, headers } = await browser.submitTo('/account', old, { email: 'ada@example.org' })
      assert.deepEqual([status, headers.location], [308, old.replace('email', 'email-change')])
    }
  })
})

describe('where password managers look', () => {
  it('leads to the page that changes the password', async () => {
    const { status, headers } = await browser.get('/.well-known/change-password')
    assert.deepEqual([status, headers.location], [303, '/account/password-change'])
  })
})
