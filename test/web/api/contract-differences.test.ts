/** Where our answers differ from Better Auth's on purpose, as the table in docs/api.md lists. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from '../../../src/config/folders.ts'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { RESET, secretOf } from '../../support/mailed.ts'
import { PASSWORD, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const docs = readFileSync(join(ROOT, 'docs/api.md'), 'utf8')

describe('docs/api.md says, and the server does:', () => {
  it('spaces around an address are dropped', async () => {
    const { name, email, password } = somebody('Ada')
    const spaced = ` ${email}  `
    const signedUp = await openApi(app).signUp({ name, email: spaced, password })
    assert.equal(signedUp.body.user.email, email)
    assert.equal((await openApi(app).signIn({ email: spaced, password })).status, 200)
    assert.equal((await openApi(app).post('/api/auth/request-password-reset', { email: spaced })).status, 200)
    assert.match(docs, /\| an address with spaces around it is refused +\| the spaces are dropped/)
  })

  it('a reset to an empty or a common password is a VALIDATION_ERROR, and leaves the link good', async () => {
    const { person } = await apiLearner(app, 'Ada')
    await openApi(app).post('/api/auth/request-password-reset', { email: person.email })
    const token = secretOf(await mailbox.letterTo(person.email, RESET.subject))
    const reset = (newPassword: string) => openApi(app).post('/api/auth/reset-password', { newPassword, token })
    for (const refused of ['', 'password1', person.email]) {
      const { status, body } = await reset(refused)
      assert.deepEqual([status, body.code], [400, 'VALIDATION_ERROR'], refused)
    }
    assert.equal((await reset(`another ${PASSWORD}`)).status, 200)
    assert.match(docs, /\| a reset to an empty password gets .* both get `VALIDATION_ERROR`/)
  })

  it('the current password is no new one', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const same = { currentPassword: PASSWORD, newPassword: PASSWORD }
    const { status, body } = await api.post('/api/auth/change-password', same)
    assert.deepEqual([status, body.code], [400, 'VALIDATION_ERROR'])
    assert.match(docs, /\| `change-password` takes the current password as the new one +\| `VALIDATION_ERROR`/)
  })

  it('a name has 100 characters or fewer and is never null', async () => {
    const { api } = await apiLearner(app, 'Ada')
    for (const name of [null, 'n'.repeat(101)]) {
      for (const [who, path, body] of [
        [openApi(app), '/api/auth/sign-up/email', { ...somebody('Ben'), name }],
        [api, '/api/auth/update-user', { name }],
      ] as const) {
        const answer = await who.post(path, body)
        assert.deepEqual([answer.status, answer.body.code], [400, 'VALIDATION_ERROR'], path)
      }
    }
    assert.equal((await api.post('/api/auth/update-user', { name: 'n'.repeat(100) })).status, 200)
    assert.match(docs, /100 characters or fewer, and never `null`: else `VALIDATION_ERROR`/)
  })
})
