/**
 * A sign-up form sent again while the owner resets the password: no session of the old password survives the reset
 * (T09, T18).
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, NEW_PASSWORD, open, RESET } from '../../support/mailed.ts'
import { openBrowser, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const ROUNDS = 4
const REPLAYS = 8

it('the form sent again opens nothing that the reset does not end', async () => {
  let outlived = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const person = somebody('Ada')
    const attacker = openBrowser(app)
    const form = { ...person, _csrf: await attacker.token('/sign-up') }
    assert.equal((await attacker.post('/sign-up', form)).status, 303)
    const formCookie = `matricula-form=${attacker.cookie('matricula-form')}`

    const owner = openBrowser(app)
    await open(owner, await askForReset(owner, mailbox, person.email))
    const reset = owner.submit(RESET.page, { password: NEW_PASSWORD })
    const replays = Array.from({ length: REPLAYS }, () =>
      openBrowser(app, { Cookie: formCookie }).post('/sign-up', form),
    )
    const answers = await Promise.all(replays)
    assert.equal((await reset).status, 303)
    for (const { headers } of answers) {
      const cookies = [headers['set-cookie'] ?? []].flat().map((cookie) => String(cookie).split(';')[0] ?? '')
      const session = cookies.find((cookie) => /^matricula=/.test(cookie))
      if (session === undefined) continue
      const page = await openBrowser(app, { Cookie: session }).get('/dashboard')
      if (page.status === 200) outlived += 1
    }
  }
  assert.equal(outlived, 0)
})
