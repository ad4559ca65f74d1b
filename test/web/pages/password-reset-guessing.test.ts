/** Guessing links, one after another. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, headingOf, open, RESET, resetBy, VERIFY } from '../../support/mailed.ts'
import { learner, openBrowser } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })

it('[R17] a hundred from one network are looked at, then it must wait; a real link works there all the same', async () => {
  const { person } = await learner(app, 'Ada')
  const browser = openBrowser(app, { 'X-Forwarded-For': '2001:db8:1:2::1' })
  const guess = (page: 'password-reset' | 'email-verification') =>
    open(browser, { link: `${app.url}/${page}/link/${randomBytes(12).toString('hex')}` })
  const statuses: number[] = []
  for (let time = 0; time < 50; time += 1) {
    statuses.push((await guess('password-reset')).status, (await guess('email-verification')).status)
  }
  assert.deepEqual([...new Set(statuses)], [404])
  for (const page of ['password-reset', 'email-verification'] as const) {
    const tooMany = await guess(page)
    assert.deepEqual([tooMany.status, headingOf(tooMany)], [429, 'Too many tries'])
    const seconds = Number(tooMany.headers['retry-after'])
    assert.ok(seconds > 0 && seconds <= 900, `Retry-After: ${seconds}`)
  }
  assert.equal((await browser.submitTo('/login', RESET.page, { password: 'seven quiet amber kites' })).status, 429)
  assert.equal((await browser.submitTo('/login', VERIFY.page)).status, 429)

  const neighbour = openBrowser(app, { 'X-Forwarded-For': '2001:db8:1:2:ffff::9' })
  assert.equal((await neighbour.get(RESET.page)).status, 429)
  const stranger = openBrowser(app, { 'X-Forwarded-For': '2001:db8:1:3::1' })
  assert.equal((await stranger.get(RESET.page)).status, 404)
  const letter = await askForReset(browser, mailbox, person.email)
  assert.equal((await resetBy(browser, letter)).status, 303)
})
