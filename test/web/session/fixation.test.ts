/** What somebody knew about a session before a login is useless after it. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { learner, openBrowser, PASSWORD, somebody } from '../../support/people.ts'
import { browserWith, holderOf, idWithin, onlySessionOf, sessionCookieOf, sessionsOf } from '../../support/sessions.ts'

const app = await startApp()

it("[S01] Carl puts his own session into Ada's browser; after her login he holds nothing", async () => {
  const { person: carl, browser: carlsBrowser } = await learner(app, 'Carl')
  const { person: ada } = await learner(app, 'Ada')
  const planted = sessionCookieOf(carlsBrowser)
  const adasBrowser = browserWith(app, planted)
  assert.equal(await adasBrowser.whoAmI(), 'Carl')

  const response = await adasBrowser.submitTo('/dashboard', '/login', {
    email: ada.email,
    password: PASSWORD,
    next: '/',
  })

  assert.equal(response.status, 303)
  const adasCookie = sessionCookieOf(adasBrowser)
  assert.notEqual(idWithin(adasCookie), idWithin(planted))
  assert.equal(await holderOf(app, adasCookie), 'Ada')
  assert.equal(await holderOf(app, planted), undefined)
  assert.equal(await carlsBrowser.whoAmI(), undefined)
  assert.deepEqual(await sessionsOf(app, carl), [])
})

it('[S01] a login while logged in as the same person ends the earlier session and starts another', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const before = sessionCookieOf(browser)
  const { sid } = await onlySessionOf(app, person)
  const response = await browser.submitTo('/dashboard', '/login', {
    email: person.email,
    password: PASSWORD,
    next: '/',
  })
  assert.equal(response.status, 303)
  assert.notEqual(idWithin(sessionCookieOf(browser)), idWithin(before))
  assert.equal(await holderOf(app, before), undefined)
  assert.notEqual((await onlySessionOf(app, person)).sid, sid)
})

it('a sign-up while logged in ends the earlier session and starts another', async () => {
  const { person: ada, browser } = await learner(app, 'Ada')
  const before = sessionCookieOf(browser)
  const ben = somebody('Ben')
  const response = await browser.submitTo('/dashboard', '/sign-up', ben)
  assert.equal(response.status, 303)
  assert.notEqual(idWithin(sessionCookieOf(browser)), idWithin(before))
  assert.equal(await browser.whoAmI(), 'Ben')
  assert.equal(await holderOf(app, before), undefined)
  assert.deepEqual(await sessionsOf(app, ada), [])
})

it('a login that fails leaves the session as it was', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const before = sessionCookieOf(browser)
  const { sid } = await onlySessionOf(app, person)
  const response = await browser.submitTo('/dashboard', '/login', { email: person.email, password: 'wrong', next: '/' })
  assert.equal(response.status, 422)
  assert.equal(sessionCookieOf(browser), before)
  assert.equal((await onlySessionOf(app, person)).sid, sid)
})

it('a token from before the login is worth nothing after it', async () => {
  const { person } = await learner(app, 'Ada')
  const browser = openBrowser(app)
  const visitorsToken = await browser.token('/login')
  await browser.post('/login', { email: person.email, password: PASSWORD, next: '/', _csrf: visitorsToken })
  assert.equal(await browser.whoAmI(), 'Ada')
  assert.equal((await browser.post('/logout', { _csrf: visitorsToken })).status, 403)
  assert.equal(await browser.whoAmI(), 'Ada')
})
