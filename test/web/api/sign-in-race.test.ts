/** Logins with the old password that are in progress while the password changes. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openBrowser } from '../../support/people.ts'

const ROUNDS = 3
const app = await startApp({}, { atPublicUrl: true })

it('a login by the old password that was under way holds no session after the change', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { person, api } = await apiLearner(app, 'Ada')
    const intruders = Array.from({ length: 8 }, () => openApi(app))
    const browser = openBrowser(app)
    const attempts = intruders.map(async (intruder, index) => {
      await sleep(10 * index)
      return intruder.signIn(person)
    })
    const page = browser.logIn(person)
    const change = await api.post('/api/auth/change-password', {
      currentPassword: person.password,
      newPassword: 'quiet amber folded kite',
      revokeOtherSessions: true,
    })
    assert.equal(change.status, 200, change.text)
    const statuses = (await Promise.all(attempts)).map(({ status }) => status)
    assert.ok(
      statuses.every((status) => [200, 401, 503].includes(status)),
      statuses.join(),
    )
    await page
    for (const intruder of intruders) assert.equal((await intruder.get('/api/auth/get-session')).body, null)
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await api.get('/api/auth/list-sessions')).body.length, 1)
  }
})
